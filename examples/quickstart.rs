//! One stream on two simulated HELOs outlives its encoder.
use encoder_aja::simulator::{FaultKind, SimulatorConfig, SimulatorFleet};
use encoder_core::model::{Bitrate, EncoderId, EncoderSpec, FrameRate, Resolution, StreamRequest};
use encoder_core::{Manager, events::Delivery, model::EventKind, model::FailoverPhase};
use std::{error::Error, sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let helos = SimulatorFleet::start(2, SimulatorConfig::fast()).await?;
    let aja = encoder_aja::AjaDriverFactory::new(encoder_aja::AjaConfig::default())?;
    let mut builder = Manager::builder().with_driver_factory(Arc::new(aja));
    for (id, url) in ["helo-0", "helo-1"].into_iter().zip(helos.urls()) {
        builder = builder.with_encoder(EncoderSpec::new(EncoderId::try_new(id)?, url));
    }
    let (manager, patience) = (builder.build().await?, Duration::from_secs(30));
    while manager.fleet_counts().online < 2 {
        sleep(Duration::from_millis(10)).await;
    }
    let (size, rate) = (Resolution::new(1920, 1080), FrameRate::from_fps(29.97));
    let request = StreamRequest::new(size, Bitrate::from_kbps(8_000), rate).to_url("rtmp://a/live");
    let id = manager.start_stream(request).await?.record.id;
    let live = manager.wait_live(&id, patience).await?;
    let primary = live.record.primary.encoder_id;
    println!("live on {primary}");
    let mut events = manager.events().subscribe();
    helos[usize::from(primary.as_str() == "helo-1")].inject(FaultKind::RefuseConnections);
    while let Some(Delivery::Event(event)) = timeout(patience, events.next()).await? {
        if let EventKind::StreamFailover(step) = &event.kind {
            let (ms, phase) = (step.elapsed.as_millis(), step.phase.as_str());
            println!("{ms} ms: {phase} ({} to {})", step.from, step.to);
            if step.phase == FailoverPhase::Completed {
                break;
            }
        }
    }
    manager.shutdown().await;
    Ok(())
}
