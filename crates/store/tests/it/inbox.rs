//! A batch of messages is noted as its messages would have been, one after the other.

use std::time::Duration;

use kit::random::{Random, SeededRandom};
use kit::time::Timestamp;
use store::{Delivery, INBOX_RETENTION_HOURS, StoreError, inbox_remembers};
use testkit::for_each_database;
use uuid::Uuid;

use crate::fixture::{NOTES, NOW};

/// Batches of a comparison, and how long one is at most.
const BATCHES: u32 = 40;
const LENGTH_MAX: u32 = 60;

/// Small numbers, the same in every run.
struct Dice(SeededRandom);

impl Dice {
    fn below(&self, end: u32) -> u32 {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        u32::from_be_bytes(bytes) % end
    }
}

#[tokio::test]
async fn a_batch_of_events_is_noted_as_one_event_after_the_other() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let dice = Dice(SeededRandom::new(7));
        let mut repeated = 0;
        for batch in 0..BATCHES {
            // Few keys in some, so that they come often; many in others.
            let keys = [1, 3, 20, 500][batch as usize % 4];
            let length = dice.below(LENGTH_MAX);
            let events: Vec<(String, u64)> = (0..length)
                .map(|_| {
                    let version = 1 + dice.below(6) + batch / 4;
                    (format!("key-{}", dice.below(keys)), version.into())
                })
                .collect();
            let noted = store
                .write(move |tx| {
                    let pairs: Vec<(&str, u64)> = events
                        .iter()
                        .map(|(key, version)| (key.as_str(), *version))
                        .collect();
                    let together = tx.note_events("together", &pairs, NOW)?;
                    let single = pairs.iter();
                    let single: Result<Vec<Delivery>, StoreError> = single
                        .map(|(key, version)| tx.note_event("single", key, *version, NOW))
                        .collect();
                    Ok::<_, StoreError>((together, single?))
                })
                .await;
            let (together, single) = noted.unwrap();
            assert_eq!(together, single, "batch {batch}");
            let known = together.iter();
            repeated += known.filter(|noted| **noted == Delivery::Repeated).count();
        }
        assert!(repeated > 100, "both answers were given: {repeated}");
    })
    .await;
}

#[tokio::test]
async fn a_batch_of_work_is_noted_as_one_message_after_the_other() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let dice = Dice(SeededRandom::new(8));
        // The same numbers under another heading: what one way noted the other must not know.
        let single = |number: u32| Uuid::from_u128(u128::from(number) << 64);
        let mut repeated = 0;
        for batch in 0..BATCHES {
            let length = dice.below(LENGTH_MAX);
            let numbers: Vec<u32> = (0..length).map(|_| dice.below(900)).collect();
            let noted = store
                .write(move |tx| {
                    let work: Vec<(Uuid, Timestamp)> = numbers
                        .iter()
                        .map(|number| (Uuid::from_u128((*number).into()), NOW))
                        .collect();
                    let together = tx.note_work_many(&work, NOW)?;
                    let single: Result<Vec<Delivery>, StoreError> = numbers
                        .iter()
                        .map(|number| tx.note_work(single(*number + 1), NOW, NOW))
                        .collect();
                    Ok::<_, StoreError>((together, single?))
                })
                .await;
            let (together, single) = noted.unwrap();
            assert_eq!(together, single, "batch {batch}");
            let known = together.iter();
            repeated += known.filter(|noted| **noted == Delivery::Repeated).count();
        }
        assert!(repeated > 100, "both answers were given: {repeated}");
    })
    .await;
}

#[tokio::test]
async fn more_than_one_statement_takes_are_noted_too() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        for wanted in [Delivery::First, Delivery::Repeated] {
            let noted = store.write(move |tx| {
                let keys: Vec<String> = (0..2_500).map(|key| format!("key-{key}")).collect();
                let events: Vec<(&str, u64)> = keys.iter().map(|key| (key.as_str(), 1)).collect();
                let hot: Vec<(&str, u64)> = (1..=150).map(|version| ("hot", version)).collect();
                let work: Vec<_> = (0..2_500).map(|id| (Uuid::from_u128(id), NOW)).collect();
                let mut noted = tx.note_events("deals", &events, NOW)?;
                noted.extend(tx.note_events("deals", &hot, NOW)?);
                noted.extend(tx.note_work_many(&work, NOW)?);
                noted.extend(tx.note_events("deals", &[], NOW)?);
                Ok::<_, StoreError>(noted)
            });
            let noted = noted.await.unwrap();
            assert_eq!(noted.len(), 5_150);
            assert!(noted.iter().all(|noted| *noted == wanted));
        }
    })
    .await;
}

#[tokio::test]
async fn a_batch_with_work_that_may_be_forgotten_is_refused() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let oldest = NOW
            .checked_sub(Duration::from_secs(INBOX_RETENTION_HOURS * 3_600))
            .unwrap();
        let too_old = Timestamp::from_micros(oldest.micros() - 1);
        assert!(inbox_remembers(oldest, NOW));
        assert!(!inbox_remembers(too_old, NOW));
        let note = async |created: Timestamp| {
            store
                .write(move |tx| {
                    let work = [(Uuid::from_u128(1), NOW), (Uuid::from_u128(2), created)];
                    tx.note_work_many(&work, NOW)
                })
                .await
        };
        assert_eq!(note(too_old).await, Err(StoreError::WorkMustBeRecent));
        assert_eq!(note(oldest).await, Ok(vec![Delivery::First; 2]));
    })
    .await;
}
