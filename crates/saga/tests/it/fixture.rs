//! The definitions the tests play, and short ways to say what comes to them.

use kit::time::Timestamp;
use saga::step::Answered;
use saga::{Catalogue, Definition, Fields, Input, Instance, SagaId, Step, step};

/// When tests take place.
pub const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

pub const ORDER: &str = include_str!("definitions/manual_create_order.toml");
pub const SHIPMENT: &str = include_str!("definitions/shipment.toml");

/// What the participants of both definitions take and send.
pub fn catalogue() -> Catalogue {
    Catalogue::new()
        .with(
            "portfolios",
            &["APPROVE_ORDER", "CANCEL_ORDER"],
            &["ORDER_APPROVED", "ORDER_REJECTED", "ORDER_CANCELLED"],
        )
        .with(
            "deals",
            &["APPROVE_DEAL", "REJECT_DEAL", "CANCEL_DEAL"],
            &["REGISTER", "DEAL_UPDATED", "DEAL_CANCELLED"],
        )
        .with("notifications", &["NOTIFY"], &["NOTIFIED"])
        .with("shop", &[], &["ORDERED"])
        .with(
            "stock",
            &["RESERVE_GOODS", "RELEASE_GOODS"],
            &["GOODS_RESERVED", "GOODS_MISSING", "GOODS_RELEASED"],
        )
        .with(
            "till",
            &["CHARGE", "REFUND", "PAY_OUT"],
            &[
                "CHARGED",
                "CARD_REFUSED",
                "REFUNDED",
                "PAID_OUT",
                "PAYOUT_REFUSED",
            ],
        )
        .with(
            "carrier",
            &["BOOK_CARRIER", "CANCEL_CARRIER"],
            &["CARRIER_BOOKED", "CARRIER_FULL", "CARRIER_CANCELLED"],
        )
        .with("office", &["INVOICE"], &["INVOICED"])
}

pub fn load(text: &str) -> Definition {
    Definition::load(text, &catalogue()).unwrap()
}

pub fn fields(text: &str) -> Fields {
    Fields::parse(text).unwrap()
}

/// The saga number `number`, started.
pub fn started(definition: &Definition, number: u128) -> Step {
    let id = SagaId::from_uuid(uuid::Uuid::from_u128(number));
    let instance = Instance::new(id, definition, fields(r#"{"sum":"110.00"}"#), NOW).unwrap();
    step(definition, &instance, Input::Started, NOW)
}

pub fn answer(event: &str, step: &str, participant: &str) -> Answered {
    Answered {
        event: event.to_owned(),
        step: step.to_owned(),
        participant: participant.to_owned(),
        acted: false,
        fields: Fields::new(),
    }
}
