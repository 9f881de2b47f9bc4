//! Randomness: the seeded generator against the published one, the system's as far as one can.

use kit::random::{Random, SeededRandom, SystemRandom};

fn bytes(random: &impl Random, count: usize) -> Vec<u8> {
    let mut buffer = vec![0; count];
    random.fill(&mut buffer);
    buffer
}

/// The first outputs of SplitMix64 for the seed 1234567, as its authors' reference code and every
/// list of test vectors after it give them.
#[test]
fn the_seeded_generator_is_splitmix64() {
    let random = SeededRandom::new(1_234_567);
    let expected: [u64; 5] = [
        6_457_827_717_110_365_317,
        3_203_168_211_198_807_973,
        9_817_491_932_198_370_423,
        4_593_380_528_125_082_431,
        16_408_922_859_458_223_821,
    ];
    for number in expected {
        assert_eq!(bytes(&random, 8), number.to_le_bytes());
    }
}

#[test]
fn buffers_of_any_length_are_filled() {
    let whole = bytes(&SeededRandom::new(7), 32);
    for count in 0..=32 {
        assert_eq!(bytes(&SeededRandom::new(7), count), whole[..count]);
    }
}

#[test]
fn the_system_does_not_repeat_itself() {
    assert_ne!(bytes(&SystemRandom, 32), bytes(&SystemRandom, 32));
    assert!(bytes(&SystemRandom, 0).is_empty());
}
