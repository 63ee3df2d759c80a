//! The page of statistics of nginx-rtmp, as far as it is read here.

use std::net::IpAddr;
use std::time::Duration;

use encoder_core::ingest::{Publisher, Sighting};
use encoder_core::model::{Bitrate, PublishTarget, Resolution, Secret};
use quick_xml::DeError;
use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Debug, Deserialize)]
struct Page {
    /// Tells the page from any other XML.
    #[serde(rename = "nginx_rtmp_version")]
    _version: String,
    #[serde(default)]
    server: Vec<Server>,
}

#[derive(Debug, Deserialize)]
struct Server {
    #[serde(default)]
    application: Vec<Application>,
}

#[derive(Debug, Deserialize)]
struct Application {
    name: String,
    live: Option<Live>,
}

#[derive(Debug, Deserialize)]
struct Live {
    #[serde(default)]
    stream: Vec<Stream>,
}

#[derive(Debug, Deserialize)]
struct Stream {
    name: String,
    bw_in: Option<u64>,
    bytes_in: Option<u64>,
    #[serde(default)]
    client: Vec<Client>,
    meta: Option<Meta>,
}

#[derive(Debug, Deserialize)]
struct Client {
    address: Option<String>,
    /// Milliseconds since it connected.
    time: Option<u64>,
    flashver: Option<String>,
    publishing: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
struct Meta {
    video: Option<Video>,
}

/// The page also has a frame rate, with its fraction cut off: what the publisher announced, and
/// no measurement.
#[derive(Debug, Default, Deserialize)]
struct Video {
    width: Option<u32>,
    height: Option<u32>,
}

/// A stream that somebody publishes.
#[cfg_attr(test, derive(Debug))]
pub(super) struct Published {
    /// The application's name.
    pub(super) application: String,
    /// The stream's name, which is its key.
    name: String,
    publishers: Vec<Publisher>,
    bytes_in: Option<u64>,
    bitrate: Option<Bitrate>,
    resolution: Option<Resolution>,
    connected_for: Option<Duration>,
}

/// Everything that is published according to the page. A stream that is played and not published
/// is none of it.
pub(super) fn published(page: &[u8]) -> Result<Vec<Published>, DeError> {
    // Names are whatever clients sent, so the page need not be valid UTF-8.
    let page: Page = quick_xml::de::from_str(&String::from_utf8_lossy(page))?;
    let applications = page
        .server
        .into_iter()
        .flat_map(|server| server.application);
    let streams = applications.flat_map(|application| {
        let name = application.name;
        let streams = application.live.map(|live| live.stream).unwrap_or_default();
        streams
            .into_iter()
            .filter_map(move |stream| Published::of(&name, stream))
    });
    Ok(streams.collect())
}

impl Published {
    fn of(application: &str, stream: Stream) -> Option<Self> {
        let publishing = stream
            .client
            .into_iter()
            .filter(|client| client.publishing.is_some());
        let clients: Vec<_> = publishing.collect();
        let first = clients.first()?;
        let connected_for = first.time.map(Duration::from_millis);
        let video = stream.meta.and_then(|meta| meta.video).unwrap_or_default();
        Some(Self {
            application: application.to_owned(),
            name: stream.name,
            connected_for,
            publishers: clients.into_iter().map(Client::publisher).collect(),
            bytes_in: stream.bytes_in,
            // It is averaged over 10 s and zero until the first of them have passed.
            bitrate: stream.bw_in.filter(|bits| *bits > 0).map(Bitrate),
            resolution: video.resolution(),
        })
    }

    /// The stream as seen at an address of its application.
    pub(super) fn at(&self, url: &str) -> Sighting {
        let mut sighting = Sighting::new(PublishTarget {
            url: url.to_owned(),
            stream_key: Secret::from(self.name.as_str()),
        });
        sighting.publishers.clone_from(&self.publishers);
        sighting.bytes_in = self.bytes_in;
        sighting.bitrate = self.bitrate;
        sighting.resolution = self.resolution;
        sighting.connected_for = self.connected_for;
        sighting
    }
}

impl Client {
    fn publisher(self) -> Publisher {
        let mut publisher = Publisher::new();
        publisher.address = self
            .address
            .and_then(|address| address.parse::<IpAddr>().ok());
        publisher.agent = self.flashver.filter(|agent| !agent.is_empty());
        publisher
    }
}

impl Video {
    fn resolution(&self) -> Option<Resolution> {
        let (width, height) = self.width.zip(self.height)?;
        (width > 0 && height > 0).then(|| Resolution::new(width, height))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Taken from nginx 1.22.1 with nginx-rtmp 1.1.4, in these situations.
    const EMPTY: &[u8] = include_bytes!("samples/empty.xml");
    const FIRST_SECONDS: &[u8] = include_bytes!("samples/first-seconds.xml");
    const STEADY: &[u8] = include_bytes!("samples/steady.xml");
    const ODD_NAMES: &[u8] = include_bytes!("samples/odd-names.xml");

    #[test]
    fn an_idle_ingest_has_nothing() {
        assert!(published(EMPTY).unwrap().is_empty());
    }

    #[test]
    fn everything_the_page_tells_is_read() {
        let streams = published(STEADY).unwrap();
        let [stream] = streams.as_slice() else {
            panic!("{streams:?}")
        };
        assert_eq!(stream.application, "live");
        assert_eq!(stream.name, "teststreamkey01");
        assert_eq!(stream.bytes_in, Some(1_942_237));
        assert_eq!(stream.bitrate, Some(Bitrate(1_100_304)));
        assert_eq!(stream.resolution, Some(Resolution::new(1280, 720)));
        assert_eq!(stream.connected_for, Some(Duration::from_millis(14_737)));
        let publisher = Publisher::new()
            .with_address(IpAddr::from([127, 0, 0, 1]))
            .with_agent("FMLE/3.0 (compatible; Lavf59.27");
        assert_eq!(stream.publishers, [publisher]);
    }

    #[test]
    fn a_bitrate_that_is_not_measured_yet_is_absent() {
        let streams = published(FIRST_SECONDS).unwrap();
        assert_eq!(streams[0].bitrate, None);
        assert_eq!(streams[0].bytes_in, Some(354_889));
    }

    #[test]
    fn players_alone_are_no_stream_and_odd_names_break_nothing() {
        let streams = published(ODD_NAMES).unwrap();
        let names: Vec<_> = streams.iter().map(|stream| stream.name.as_str()).collect();
        assert!(names.contains(&"odd<&>\"name"), "{names:?}");
        assert!(!names.contains(&"lonelyplayer01"), "{names:?}");
    }

    #[test]
    fn a_picture_that_nobody_sends_has_no_size() {
        let streams = published(ODD_NAMES).unwrap();
        let sizes: Vec<_> = streams.iter().map(|stream| stream.resolution).collect();
        assert_eq!(sizes, [Some(Resolution::new(640, 360)), None]);
    }

    #[test]
    fn an_announced_frame_rate_is_no_measurement() {
        let stream = &published(STEADY).unwrap()[0];
        assert_eq!(stream.at("rtmp://ingest.example/live").fps, None);
    }

    #[test]
    fn other_pages_are_errors() {
        for page in [
            "<html><body>not here</body></html>",
            "<rtmp></rtmp>",
            "<rtmp><nginx_rtmp_version>1</nginx_rtmp_version><server><application/></server></rtmp>",
            "<rtmp><nginx_rtmp_version>1</nginx_rtmp_version><server>",
            "{}",
            "",
        ] {
            assert!(published(page.as_bytes()).is_err(), "{page}");
        }
        let words = String::from_utf8_lossy(STEADY).replace("1942237", "plenty");
        assert!(published(words.as_bytes()).is_err());
        assert!(published(&STEADY[..STEADY.len() / 2]).is_err());
    }
}
