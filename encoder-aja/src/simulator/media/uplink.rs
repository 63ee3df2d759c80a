//! Between a device, which never waits, and the task that sends its stream.

use std::sync::{Arc, Mutex, PoisonError};

use encoder_ffmpeg::failure::{Cause, Ending};
use encoder_ffmpeg::version::Version;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::MediaConfig;
use super::encoding::Encoding;
use super::picture::PictureFaults;
use super::sending::Sending;
use crate::simulator::ingest::Place;
use crate::simulator::standing::Standing;

/// The device's end: orders are carried out one after the other.
#[derive(Debug)]
pub(in crate::simulator) struct Uplink {
    config: MediaConfig,
    orders: mpsc::UnboundedSender<Order>,
    faults: watch::Sender<PictureFaults>,
}

/// The task's end.
pub(in crate::simulator) struct Transmitter {
    config: MediaConfig,
    ffmpeg: Version,
    orders: mpsc::UnboundedReceiver<Order>,
    faults: watch::Receiver<PictureFaults>,
    sending: Option<Sending>,
    /// A stream whose unit vanished from the network: its connection is open and silent.
    halted: Option<Sending>,
}

#[derive(Debug)]
enum Order {
    Publish(Box<Job>),
    Stop,
    Halt,
    Cut,
    Release,
}

/// A stream to send.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) place: Place,
    pub(super) encoding: Encoding,
    pub(super) name: String,
    pub(super) report: Arc<Report>,
}

/// Where the task tells the device how a stream stands.
#[derive(Debug)]
pub(super) struct Report {
    standing: Mutex<Standing>,
    device: Arc<Notify>,
}

/// A device's hold on a stream that it sends.
#[derive(Debug)]
pub(in crate::simulator) struct Transmission {
    report: Arc<Report>,
    orders: mpsc::UnboundedSender<Order>,
}

/// Both ends of one device's connection to the outside.
pub(in crate::simulator) fn uplink(config: &MediaConfig, ffmpeg: Version) -> (Uplink, Transmitter) {
    let (orders, received) = mpsc::unbounded_channel();
    let faults = watch::Sender::default();
    let transmitter = Transmitter {
        config: config.clone(),
        ffmpeg,
        orders: received,
        faults: faults.subscribe(),
        sending: None,
        halted: None,
    };
    let uplink = Uplink {
        config: config.clone(),
        orders,
        faults,
    };
    (uplink, transmitter)
}

impl Uplink {
    pub(in crate::simulator) fn config(&self) -> &MediaConfig {
        &self.config
    }

    /// Begins a stream. Whatever this device had on its way before ends first.
    pub(in crate::simulator) fn publish(
        &self,
        place: Place,
        encoding: Encoding,
        name: String,
        device: &Arc<Notify>,
    ) -> Transmission {
        let report = Arc::new(Report {
            standing: Mutex::new(Standing::Connecting),
            device: Arc::clone(device),
        });
        let transmission = Transmission {
            report: Arc::clone(&report),
            orders: self.orders.clone(),
        };
        transmission.order(Order::Publish(Box::new(Job {
            place,
            encoding,
            name,
            report,
        })));
        transmission
    }

    /// Bends the pictures from now on.
    pub(in crate::simulator) fn set_faults(&self, faults: PictureFaults) {
        self.faults.send_if_modified(|known| {
            let changes = *known != faults;
            *known = faults;
            changes
        });
    }

    /// Ends the connection of the stream, if there is one.
    pub(in crate::simulator) fn cut(&self) {
        order(&self.orders, Order::Cut);
    }

    /// Lets go of connections that a unit left open when it vanished.
    pub(in crate::simulator) fn release(&self) {
        order(&self.orders, Order::Release);
    }
}

impl Transmission {
    pub(in crate::simulator) fn standing(&self) -> Standing {
        self.report.get()
    }

    /// Ends it properly.
    pub(in crate::simulator) fn stop(self) {
        self.order(Order::Stop);
    }

    /// Ends it without a word: the connection stays open and silent.
    pub(in crate::simulator) fn vanish(self) {
        self.order(Order::Halt);
    }

    fn order(&self, next: Order) {
        order(&self.orders, next);
    }
}

fn order(orders: &mpsc::UnboundedSender<Order>, order: Order) {
    // Without a task the device is shut down, and what it sent has ended.
    let _ = orders.send(order);
}

impl Report {
    fn get(&self) -> Standing {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn on_air(&self, slow: bool) {
        self.set(Standing::OnAir { slow });
    }

    pub(super) fn lost(&self, cause: Cause) {
        let unknown_name = cause == Cause::NameNotFound;
        self.set(Standing::Lost { unknown_name });
    }

    fn set(&self, standing: Standing) {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing;
        self.device.notify_one();
    }
}

impl Transmitter {
    /// Carries out orders until `stop`; whatever is on its way then is killed.
    pub(in crate::simulator) async fn serve(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                order = self.orders.recv() => match order {
                    Some(order) => self.obey(order).await,
                    None => break,
                },
                ending = sent(&mut self.sending, &mut self.faults) => self.end(&ending),
            }
        }
        self.kill_all().await;
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Publish(job) => {
                self.kill_all().await;
                self.publish(*job).await;
            }
            Order::Stop => {
                if let Some(sending) = self.sending.take() {
                    sending.stop().await;
                }
            }
            Order::Halt => {
                if let Some(sending) = self.sending.take() {
                    sending.halt();
                    self.halted = Some(sending);
                }
            }
            Order::Cut => {
                if let Some(sending) = self.sending.take() {
                    sending.lost(Cause::Cut);
                    sending.kill().await;
                }
            }
            Order::Release => {
                if let Some(halted) = self.halted.take() {
                    halted.kill().await;
                }
            }
        }
    }

    async fn publish(&mut self, job: Job) {
        let report = Arc::clone(&job.report);
        match Sending::start(job, &self.config, &self.ffmpeg).await {
            Ok(sending) => self.sending = Some(sending),
            Err(error) => {
                tracing::warn!(%error, "no ffmpeg for the stream");
                report.lost(Cause::Other);
            }
        }
    }

    fn end(&mut self, ending: &Ending) {
        if let Some(sending) = self.sending.take() {
            tracing::info!(source = self.config.source, %ending, "the stream is lost");
            sending.lost(ending.cause);
        }
    }

    async fn kill_all(&mut self) {
        let all = [self.sending.take(), self.halted.take()];
        for sending in all.into_iter().flatten() {
            sending.kill().await;
        }
    }
}

/// The end of the stream on its way; never without one.
async fn sent(
    sending: &mut Option<Sending>,
    faults: &mut watch::Receiver<PictureFaults>,
) -> Ending {
    match sending {
        Some(sending) => sending.go_on(faults).await,
        None => std::future::pending().await,
    }
}
