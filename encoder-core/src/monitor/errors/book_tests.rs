use super::super::samples::{at, book, fleet, helo, publishing, silent, stream};
use super::*;

fn facts() -> Facts {
    publishing(fleet(&["north", "south"]), &[(1, "rtmp://a/live")])
}

fn all(book: &ErrorBook) -> Vec<Occurrence> {
    book.history(&ErrorQuery::default())
}

fn one(book: &ErrorBook) -> Occurrence {
    let mut all = all(book);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

#[test]
fn occurrence_lasts_as_long_as_it_is_reported() {
    let (mut book, facts) = (book(), facts());
    for second in 0..5 {
        book.observe_encoder(&helo(1), &[silent()], &facts, at(f64::from(second)));
    }
    let known = one(&book);
    assert_eq!((known.count, known.ended_at), (1, None));
    assert_eq!((known.first_seen, known.last_seen), (at(0.0), at(4.0)));
    book.observe_encoder(&helo(1), &[], &facts, at(5.0));
    assert_eq!(one(&book).ended_at, Some(at(5.0)));
}

#[test]
fn place_is_known_from_the_fleet() {
    let (mut book, facts) = (book(), facts());
    book.observe_encoder(&helo(1), &[silent()], &facts, at(0.0));
    let place = one(&book).place;
    assert_eq!(place.site.as_deref(), Some("north"));
    assert_eq!(place.destination.as_deref(), Some("rtmp://a/live"));
    assert_eq!(place.stream_id, Some(stream(1)));
    assert_eq!(place.driver.as_deref(), Some("aja-helo"));
}

#[test]
fn flapping_is_one_occurrence_that_is_counted() {
    let (mut book, facts) = (book(), facts());
    for round in 0..4 {
        let second = f64::from(round * 10);
        book.observe_encoder(&helo(1), &[silent()], &facts, at(second));
        book.observe_encoder(&helo(1), &[], &facts, at(second + 5.0));
    }
    let known = one(&book);
    assert_eq!((known.count, known.onsets.len()), (4, 4));
    book.observe_encoder(&helo(1), &[silent()], &facts, at(200.0));
    assert_eq!(all(&book).len(), 2, "after a long calm it is another one");
}

#[test]
fn encoder_and_its_stream_report_the_same_trouble_once() {
    let (mut book, facts) = (book(), facts());
    book.observe_stream(&stream(1), &helo(1), &[silent()], &facts, at(0.0));
    book.observe_encoder(&helo(1), &[silent()], &facts, at(0.1));
    let error = Finding::new("device_silent", "moved");
    let place = facts.at_stream(&stream(1), Some(&helo(1)));
    book.observe_once(&error, "stream_error", place, at(0.2));
    assert_eq!(one(&book).count, 1);
    // The stream moves; the encoder is still silent.
    book.observe_stream(&stream(1), &helo(2), &[], &facts, at(1.0));
    assert!(one(&book).is_open());
    book.observe_encoder(&helo(1), &[], &facts, at(2.0));
    assert_eq!(one(&book).ended_at, Some(at(2.0)));
}

#[test]
fn error_that_is_told_before_its_issue_is_not_counted_twice() {
    let (mut book, facts) = (book(), facts());
    let place = facts.at_stream(&stream(1), Some(&helo(1)));
    book.observe_once(&silent(), "stream_error", place.clone(), at(0.0));
    assert!(!one(&book).is_open());
    book.observe_stream(&stream(1), &helo(1), &[silent()], &facts, at(0.5));
    let known = one(&book);
    assert!(known.is_open());
    assert_eq!(known.count, 1);
    book.observe_stream(&stream(1), &helo(1), &[], &facts, at(1.0));
    book.observe_once(&silent(), "stream_error", place, at(9.0));
    assert_eq!(one(&book).count, 2);
}

#[test]
fn streams_of_one_encoder_have_errors_of_their_own() {
    let mut book = book();
    let mut facts = publishing(facts(), &[(2, "rtmp://b/live")]);
    facts.streams.get_mut(&stream(2)).unwrap().encoder_id = helo(1);
    let lost = [Finding::new("ingest_receives_nothing", "")];
    for number in [1, 2] {
        book.observe_stream(&stream(number), &helo(1), &lost, &facts, at(0.0));
    }
    assert_eq!(all(&book).len(), 2);
}

#[test]
fn encoder_in_maintenance_has_no_errors() {
    let (mut book, mut facts) = (book(), facts());
    book.observe_encoder(&helo(1), &[silent()], &facts, at(0.0));
    facts.encoders.remove(&helo(1));
    book.settle(&facts, at(1.0));
    book.observe_encoder(&helo(1), &[silent()], &facts, at(2.0));
    assert_eq!(one(&book).ended_at, Some(at(1.0)));
}

#[test]
fn memory_is_bounded_and_the_oldest_go_first() {
    let config = ErrorsConfig {
        history_limit: 3,
        ..ErrorsConfig::default()
    };
    let mut book = ErrorBook::new(config, Patterns::built_in().into());
    let facts = fleet(&["a"; 9]);
    for number in 1..=9 {
        let second = number as f64;
        book.observe_encoder(&helo(number), &[silent()], &facts, at(second));
    }
    let numbers: Vec<_> = all(&book).iter().map(|o| o.number).collect();
    assert_eq!(numbers, [9, 8, 7]);
    book.observe_encoder(&helo(1), &[], &facts, at(20.0));
    book.settle(&facts, at(40.0 * 86_400.0));
    assert_eq!(
        all(&book).len(),
        3,
        "what lasts is not forgotten for its age"
    );
    for number in 7..=9 {
        book.observe_encoder(&helo(number), &[], &facts, at(21.0));
    }
    book.settle(&facts, at(40.0 * 86_400.0));
    assert_eq!(all(&book), []);
}

#[test]
fn queries_find_what_they_ask_for() {
    let (mut book, facts) = (book(), facts());
    book.observe_encoder(&helo(1), &[silent()], &facts, at(0.0));
    book.observe_encoder(&helo(1), &[], &facts, at(10.0));
    let hot = Finding::new("temperature_high", "");
    book.observe_encoder(&helo(2), &[hot], &facts, at(20.0));
    let text = |text: &str| Some(text.to_owned());
    type Change = Box<dyn Fn(&mut ErrorQuery)>;
    let cases: [(usize, Change); 8] = [
        (1, Box::new(|query| query.from = Some(at(11.0)))),
        (
            1,
            Box::new(|query| (query.from, query.to) = (Some(at(10.0)), Some(at(19.0)))),
        ),
        (2, Box::new(|query| query.to = Some(at(20.0)))),
        (
            1,
            Box::new(move |query| query.pattern = text("network_timeout")),
        ),
        (1, Box::new(|query| query.encoder_id = Some(helo(2)))),
        (1, Box::new(move |query| query.site = text("south"))),
        (
            1,
            Box::new(move |query| query.destination = text("rtmp://a/live")),
        ),
        (
            0,
            Box::new(|query| query.severity = Some(crate::model::Severity::Info)),
        ),
    ];
    for (expected, change) in cases {
        let mut query = ErrorQuery::default();
        change(&mut query);
        assert_eq!(book.history(&query).len(), expected, "{query:?}");
    }
}

#[test]
fn what_lasted_before_a_restart_goes_on_uncounted() {
    let (mut before, facts) = (book(), facts());
    before.observe_encoder(&helo(1), &[silent()], &facts, at(0.0));
    let stored = serde_json::to_vec(&all(&before)).unwrap();
    let mut after = book();
    after.restore(serde_json::from_slice(&stored).unwrap());
    assert_eq!(one(&after).ended_at, Some(at(0.0)));
    after.observe_encoder(&helo(1), &[silent()], &facts, at(30.0));
    let known = one(&after);
    assert_eq!((known.count, known.ended_at), (1, None));
    after.observe_encoder(&helo(2), &[silent()], &facts, at(31.0));
    assert_eq!(all(&after)[0].number, 2, "numbers go on");
}

#[tokio::test]
async fn whole_site_is_a_few_writes() {
    use crate::monitor::errors::keep;
    use crate::store::MemoryStore;
    let store = MemoryStore::default();
    let facts = fleet(&["a"; 200]);
    let book = std::sync::Mutex::new(book());
    for number in 1..=200 {
        let mut book = book.lock().unwrap();
        book.observe_encoder(&helo(number), &[silent()], &facts, at(0.0));
    }
    keep::save(&book, &store).await.unwrap();
    let key = crate::store::Key::try_new("errors/").unwrap();
    let pages = crate::store::StateStore::list(&store, &key).await.unwrap();
    assert_eq!(pages.len(), 4, "200 occurrences are four writes");
    assert_eq!(keep::load(&store).await.unwrap().len(), 200);
    assert!(book.lock().unwrap().take_changed_pages().is_empty());
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn store_that_fails_loses_nothing() {
    use crate::monitor::errors::keep;
    use crate::store::{SqliteConfig, SqliteStore};
    let folder = tempfile::tempdir().unwrap();
    let open = || SqliteStore::open(SqliteConfig::new(folder.path().join("errors.db")));
    let store = open().await.unwrap();
    let book = std::sync::Mutex::new(book());
    book.lock()
        .unwrap()
        .observe_encoder(&helo(1), &[silent()], &facts(), at(0.0));
    store.close().await;
    keep::save(&book, &store).await.unwrap_err();
    let store = open().await.unwrap();
    keep::save(&book, &store).await.unwrap();
    assert_eq!(keep::load(&store).await.unwrap().len(), 1);
    store.close().await;
}
