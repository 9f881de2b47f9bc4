//! Hurting the server of a carrier, and healing it.

use std::process::Command;

use tokio::sync::RwLockWriteGuard;

use crate::rig::Kind;
use crate::servers::lock;

/// The server of a carrier, if it has one, for a test that hurts it.
pub async fn alone(kind: Kind) -> Option<RwLockWriteGuard<'static, ()>> {
    Some(lock(kind)?.write().await)
}

/// Says to the server of a carrier what the scripts that start them understand.
pub async fn control(kind: Kind, words: &[&str]) {
    let variable = match kind {
        Kind::Embedded => panic!("the embedded carrier has no server"),
        Kind::RabbitMq => "FLORIN_TEST_RABBITMQ_CONTROL",
        Kind::Kafka => "FLORIN_TEST_KAFKA_CONTROL",
    };
    let program = std::env::var(variable).expect("a program to hurt the server with");
    let mut command = Command::new(program);
    command.args(words);
    let status = tokio::task::spawn_blocking(move || command.status()).await;
    let status = status.expect("the call ends").expect("the program runs");
    assert!(status.success(), "{kind:?} {words:?}");
}
