//! What goes wrong, and what the caller may believe then.

use std::time::Duration;

use host::CallError;
use host::outbound::{Address, Answer, Limits, Request, Trouble};
use kit::codes;
use serde_json::Value;
use tokio::net::TcpListener;

use super::{Callee, FEED, Say, answer, feed, hasty, ok, once, to_callee, to_feed, world};

/// What came of a read and of a write.
#[track_caller]
fn check(outcome: Result<Answer, CallError>, unknown: bool, expected: Trouble) {
    let error = outcome.unwrap_err();
    let (code, trouble) = match &error {
        CallError::OutcomeUnknown { trouble, .. } if unknown => {
            (&codes::CALL_OUTCOME_UNKNOWN, *trouble)
        }
        CallError::Unavailable { trouble, .. } if !unknown => {
            (&codes::CALLEE_MUST_BE_AVAILABLE, *trouble)
        }
        _ => panic!("{error}"),
    };
    assert_eq!(trouble, expected);
    assert_eq!(error.code(), code);
}

fn get() -> Request {
    Request::get("/v1/prices", &[])
}

fn post() -> Request {
    Request::post("/v1/orders", &[]).json(&"order")
}

/// A read and a write of which the callee hears, and which it answers so.
async fn lost(say: Say, limits: fn() -> Limits, expected: Trouble) {
    let callee = Callee::start(vec![say]).await;
    let outbound = to_feed(&callee, limits()).await;
    check(outbound.reach("feed", get()).await, false, expected);
    check(outbound.reach("feed", post()).await, true, expected);
    assert_eq!(callee.heard().len(), 2);
}

#[tokio::test]
async fn who_does_not_answer_is_given_up_in_time() {
    lost(Say::Nothing, hasty, Trouble::TimedOut).await;
    let half = "HTTP/1.1 200 X\r\ncontent-length: 2\r\n\r\n";
    // It hangs up after the head, and a slow body would be cut off the same way.
    lost(Say::Bytes(half.to_owned()), once, Trouble::HungUp).await;
}

#[tokio::test]
async fn the_limit_of_one_call_can_be_shorter() {
    let callee = Callee::start(vec![Say::Nothing]).await;
    let outbound = to_feed(&callee, once()).await;
    let soon = Duration::from_millis(50);
    check(
        outbound.reach("feed", get().within(soon)).await,
        false,
        Trouble::TimedOut,
    );
    check(
        outbound.reach("feed", post().within(soon)).await,
        true,
        Trouble::TimedOut,
    );
}

#[tokio::test]
async fn who_hangs_up_or_talks_nonsense_leaves_the_outcome_of_a_write_unknown() {
    lost(Say::HangUp, once, Trouble::HungUp).await;
    for nonsense in [
        "\0\0\0\0",
        "220 mail.example ESMTP\r\n",
        "HTTP/9.9 200 X\r\n\r\n",
        "HTTP/1.1 2",
    ] {
        lost(Say::Bytes(nonsense.to_owned()), once, Trouble::HungUp).await;
    }
    let endless = format!("HTTP/1.1 200 X\r\nx: {}", "x".repeat(80_000));
    lost(Say::Bytes(endless), once, Trouble::HungUp).await;
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_taken() {
    let declared = format!(
        "HTTP/1.1 200 X\r\ncontent-length: {}\r\n\r\n{{",
        1_u64 << 40
    );
    lost(Say::Bytes(declared), once, Trouble::TooLarge).await;
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000)).repeat(17);
    let chunked = format!("HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n{chunk}0\r\n\r\n");
    lost(Say::Bytes(chunked.clone()), once, Trouble::TooLarge).await;
    // Whoever expects more says so, within what there is.
    let callee = Callee::start(vec![Say::Bytes(chunked)]).await;
    let outbound = to_feed(&callee, once()).await;
    let taken = outbound
        .reach("feed", get().answer_bytes_max(2 << 20))
        .await;
    assert_eq!(taken.unwrap().body().len(), 17 * 0x10000);
    check(
        outbound.reach("feed", get().answer_bytes_max(1)).await,
        false,
        Trouble::TooLarge,
    );
}

#[tokio::test]
async fn what_never_arrived_is_known_not_to_have_happened() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for address in [address.as_str(), "http://no-such-host.invalid"] {
        let reach = feed(Address::parse(address).unwrap(), once());
        let outbound = world().await.outbound("caller", &FEED, reach).unwrap();
        check(
            outbound.reach("feed", get()).await,
            false,
            Trouble::NotConnected,
        );
        check(
            outbound.reach("feed", post()).await,
            false,
            Trouble::NotConnected,
        );
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_no_secret_goes_with_it() {
    let elsewhere = Callee::start(vec![ok()]).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("location: http://{}/stolen\r\n", elsewhere.address);
        lost(answer(status, &location, ""), once, Trouble::Status(status)).await;
    }
    assert_eq!(elsewhere.heard().len(), 0);
}

#[tokio::test]
async fn a_refusal_has_the_code_of_the_callee_and_nothing_else_of_it() {
    let document = r#"{"code": "balance_must_suffice", "detail": "of Ann Example"}"#;
    let callee = Callee::start(vec![
        answer(422, "", document),
        answer(404, "", "<html>of Ann Example</html>"),
        answer(409, "", r#"{"code": "a code\nwith a line"}"#),
        answer(413, "", &"x".repeat(100_000)),
        answer(403, "", r#"{"code": "role_not_allowed"}"#),
    ])
    .await;
    let outbound = to_feed(&callee, once()).await;
    for (status, code, shown) in [
        (
            422,
            Some("balance_must_suffice"),
            "422 balance_must_suffice",
        ),
        (404, None, "404 no code"),
        (409, None, "409 no code"),
        (413, None, "413 no code"),
        (403, Some("role_not_allowed"), "403 role_not_allowed"),
    ] {
        let error = outbound.reach("feed", post()).await.unwrap_err();
        assert_eq!(error.code(), &codes::CALLEE_MUST_ACCEPT_CALL);
        let refusal = error.refusal().unwrap();
        assert_eq!((refusal.status(), refusal.code()), (status, code));
        let expected =
            format!("callee must accept the call: caller outside feed /v1/orders: {shown}");
        assert_eq!(error.to_string(), expected);
        assert!(!format!("{error:?}").contains("Ann"), "{error:?}");
        match status {
            422 => assert_eq!(refusal.document(), document.as_bytes()),
            403 => assert!(refusal.is(&codes::ROLE_NOT_ALLOWED)),
            _ => assert_eq!(refusal.known(), None),
        }
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_no_answer() {
    let callee = Callee::start(vec![answer(200, "etag: \"7\"\r\n", "<html>")]).await;
    let outbound = to_feed(&callee, once()).await;
    for (request, unknown) in [(get(), false), (post(), true)] {
        let answer = outbound.reach("feed", request).await.unwrap();
        assert_eq!(
            (answer.status(), answer.header("etag")),
            (200, Some("\"7\""))
        );
        let error = answer.json::<Value>().unwrap_err();
        check(Err(error), unknown, Trouble::Unreadable);
    }
}

#[tokio::test]
async fn only_the_word_of_a_component_makes_a_write_undone() {
    let say = |code: &str| answer(503, "", &format!(r#"{{"code": "{code}"}}"#));
    let busy = "load_must_be_within_limit";
    let unavailable = Trouble::Status(503);
    let component = async |say: Say, unknown: bool| {
        let callee = Callee::start(vec![say]).await;
        let outbound = to_callee(&callee, once()).await;
        check(outbound.call("callee", post()).await, unknown, unavailable);
    };
    component(say(busy), false).await;
    component(say("service_must_not_be_draining"), false).await;
    component(say("store_must_have_room"), false).await;
    component(say("transaction_must_not_conflict"), false).await;
    component(say("outbox_must_have_room"), false).await;
    component(say("commit_outcome_unknown"), true).await;
    component(say("call_outcome_unknown"), true).await;
    component(say("callee_must_be_available"), true).await;
    component(answer(503, "", "upstream connect error"), true).await;
    // What anybody else means by our words is not known.
    let callee = Callee::start(vec![say(busy)]).await;
    let outbound = to_feed(&callee, once()).await;
    check(outbound.reach("feed", post()).await, true, unavailable);
    for status in [500, 502, 504, 599] {
        lost(answer(status, "", ""), once, Trouble::Status(status)).await;
    }
    // Too many requests: it was not let in.
    let callee = Callee::start(vec![answer(429, "", "")]).await;
    let outbound = to_feed(&callee, once()).await;
    check(
        outbound.reach("feed", post()).await,
        false,
        Trouble::Status(429),
    );
}
