//! What is sent again, how often, and when a callee is left alone.

use std::time::Duration;

use host::CallError;
use host::outbound::{Limits, Request, Trouble};
use kit::codes;

use super::{Callee, FEED, Say, answer, feed, hasty, limits, ok, once, to_callee, to_feed, world};

fn get() -> Request {
    Request::get("/v1/prices", &[])
}

fn post() -> Request {
    Request::post("/v1/orders", &[]).json(&"order")
}

fn busy() -> Say {
    answer(503, "", "")
}

#[tokio::test]
async fn a_read_is_repeated_and_a_write_only_with_a_key() {
    for trouble in [
        busy(),
        Say::HangUp,
        answer(502, "", ""),
        answer(429, "", ""),
    ] {
        let says = vec![trouble.clone(), trouble.clone(), ok()];
        let callee = Callee::start(says.clone()).await;
        let outbound = to_feed(&callee, limits()).await;
        outbound.reach("feed", get()).await.unwrap();
        assert_eq!(callee.heard().len(), 3);

        let writes = [
            post(),
            Request::put("/v1/orders", &[]),
            Request::delete("/v1/orders", &[]),
        ];
        for write in writes {
            let callee = Callee::start(says.clone()).await;
            let outbound = to_feed(&callee, limits()).await;
            outbound.reach("feed", write).await.unwrap_err();
            assert_eq!(callee.heard().len(), 1);
        }

        let callee = Callee::start(says).await;
        let outbound = to_feed(&callee, limits()).await;
        outbound.reach("feed", post().key("order-7")).await.unwrap();
        let heard = callee.heard();
        assert_eq!(heard.len(), 3);
        for request in &heard {
            assert!(
                request.contains("idempotency-key: order-7\r\n"),
                "{request}"
            );
            assert!(request.ends_with("\r\n\r\n\"order\""), "{request}");
            assert_eq!(request, &heard[0]);
        }
    }
}

#[tokio::test]
async fn repeats_are_few_and_some_troubles_are_not_repeated() {
    let tries = async |say: Say, limits: Limits| {
        let callee = Callee::start(vec![say]).await;
        let outbound = to_feed(&callee, limits).await;
        outbound.reach("feed", get()).await.unwrap_err();
        callee.heard().len()
    };
    assert_eq!(tries(busy(), limits()).await, 3);
    assert_eq!(tries(Say::HangUp, limits()).await, 3);
    let slow = Limits {
        retries_max: 2,
        ..hasty()
    };
    assert_eq!(tries(Say::Nothing, slow).await, 3);
    assert_eq!(tries(answer(500, "", ""), limits()).await, 1);
    assert_eq!(tries(answer(302, "", ""), limits()).await, 1);
    assert_eq!(tries(answer(422, "", ""), limits()).await, 1);
    let large = format!("HTTP/1.1 200 X\r\ncontent-length: {}\r\n\r\n", 1_u64 << 40);
    assert_eq!(tries(Say::Bytes(large), limits()).await, 1);
}

#[tokio::test]
async fn a_callee_is_left_alone_for_as_long_as_it_asks() {
    let tries = async |seconds: &str, limits: Limits| {
        let asks = format!("retry-after: {seconds}\r\n");
        let callee = Callee::start(vec![answer(503, &asks, ""), ok()]).await;
        let outbound = to_feed(&callee, limits).await;
        let outcome = outbound.reach("feed", get()).await;
        let waits = match outcome {
            Ok(_) => None,
            Err(CallError::Unavailable { retry_after, .. }) => retry_after,
            Err(error) => panic!("{error}"),
        };
        (callee.heard().len(), waits)
    };
    assert_eq!(tries("0", limits()).await, (2, None));
    // Longer than anybody is kept waiting: the caller hears how long.
    let hour = Duration::from_secs(3600);
    assert_eq!(tries("3600", limits()).await, (1, Some(hour)));
    // Longer than what is left of the call's time.
    let short = Limits {
        whole: Duration::from_millis(500),
        ..limits()
    };
    let second = Duration::from_secs(1);
    assert_eq!(tries("1", short.clone()).await, (1, Some(second)));
    assert_eq!(tries("0", short).await, (2, None));
    // A date is not read.
    let date = "Wed, 21 Oct 2099 07:28:00 GMT";
    assert_eq!(tries(date, limits()).await, (2, None));
}

#[tokio::test]
async fn what_may_have_happened_stays_so_whatever_the_repeat_is_answered() {
    let unknown = async |says: Vec<Say>, expected: Trouble| {
        let callee = Callee::start(says).await;
        let outbound = to_callee(&callee, limits()).await;
        let error = outbound
            .call("callee", post().key("order-7"))
            .await
            .unwrap_err();
        let CallError::OutcomeUnknown { trouble, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(trouble, expected);
    };
    let refused = answer(422, "", r#"{"code": "balance_must_suffice"}"#);
    unknown(vec![Say::HangUp, refused.clone()], Trouble::Status(422)).await;
    let load = answer(503, "", r#"{"code": "load_must_be_within_limit"}"#);
    unknown(vec![Say::HangUp, load.clone()], Trouble::Status(503)).await;
    // What did not happen before does not make a refusal uncertain.
    let callee = Callee::start(vec![load, refused]).await;
    let outbound = to_callee(&callee, limits()).await;
    let error = outbound
        .call("callee", post().key("order-7"))
        .await
        .unwrap_err();
    assert_eq!(
        error.refusal().unwrap().code(),
        Some("balance_must_suffice")
    );
}

#[tokio::test]
async fn a_callee_that_keeps_failing_is_left_alone_until_one_call_gets_through() {
    // A refusal is an answer: it begins the count anew.
    let refusal = answer(404, "", "");
    let callee = Callee::start(vec![busy(), refusal, busy(), busy(), ok(), busy()]).await;
    let world = world().await;
    let limits = Limits {
        circuit_failures: 2,
        ..once()
    };
    let open = limits.circuit_open;
    let outbound = world.outbound("caller", &FEED, feed(callee.url(), limits));
    let outbound = outbound.unwrap();
    let ask = async || match outbound.reach("feed", get()).await {
        Ok(_) => "ok".to_owned(),
        Err(CallError::Unavailable {
            trouble,
            retry_after,
            ..
        }) => {
            if trouble == Trouble::LeftAlone {
                assert_eq!(retry_after, Some(open));
            }
            format!("{trouble:?}")
        }
        Err(error) => error.code().name.to_owned(),
    };
    let refused = codes::CALLEE_MUST_ACCEPT_CALL.name;
    assert_eq!(ask().await, "Status(503)");
    assert_eq!(ask().await, refused);
    assert_eq!(ask().await, "Status(503)");
    assert_eq!(ask().await, "Status(503)");
    for _ in 0..3 {
        assert_eq!(ask().await, "LeftAlone");
    }
    assert_eq!(callee.heard().len(), 4);
    world.clock.advance(open - Duration::from_millis(1));
    assert_eq!(ask().await, "LeftAlone");
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(ask().await, "ok");
    assert_eq!(callee.heard().len(), 5);
    // What failed before is forgotten: one failure does not open it again.
    assert_eq!(ask().await, "Status(503)");
    assert_eq!(ask().await, "Status(503)");
    assert_eq!(ask().await, "LeftAlone");
    assert_eq!(callee.heard().len(), 7);
}

#[tokio::test]
async fn a_probe_that_fails_leaves_the_callee_alone_again() {
    let callee = Callee::start(vec![busy()]).await;
    let world = world().await;
    let limits = Limits {
        circuit_failures: 1,
        ..once()
    };
    let open = limits.circuit_open;
    let outbound = world.outbound("caller", &FEED, feed(callee.url(), limits));
    let outbound = outbound.unwrap();
    for heard in 1..4 {
        outbound.reach("feed", get()).await.unwrap_err();
        outbound.reach("feed", get()).await.unwrap_err();
        assert_eq!(callee.heard().len(), heard);
        world.clock.advance(open);
    }
}

#[tokio::test]
async fn one_probe_at_a_time_and_a_probe_that_is_dropped_is_not_the_last() {
    let callee = Callee::start(vec![busy(), Say::Nothing, ok()]).await;
    let world = world().await;
    let limits = Limits {
        circuit_failures: 1,
        ..once()
    };
    let open = limits.circuit_open;
    let outbound = world.outbound("caller", &FEED, feed(callee.url(), limits));
    let outbound = outbound.unwrap();
    outbound.reach("feed", get()).await.unwrap_err();
    world.clock.advance(open);
    {
        let mut probe = Box::pin(outbound.reach("feed", get()));
        // The probe goes on until it is heard, and hears nothing.
        while callee.heard().len() < 2 {
            tokio::select! {
                biased;
                _ = &mut probe => panic!("nobody answers the probe"),
                () = tokio::task::yield_now() => {}
            }
        }
        let error = outbound.reach("feed", get()).await.unwrap_err();
        assert!(error.to_string().contains("left alone"), "{error}");
    }
    outbound.reach("feed", get()).await.unwrap();
    assert_eq!(callee.heard().len(), 3);
}

#[tokio::test]
async fn calls_of_one_callee_are_bounded_and_who_waits_too_long_has_sent_nothing() {
    let callee = Callee::start(vec![Say::Nothing]).await;
    let limits = Limits {
        calls_max: 2,
        ..once()
    };
    let outbound = to_feed(&callee, limits).await;
    let mut first = Box::pin(outbound.reach("feed", post()));
    let mut second = Box::pin(outbound.reach("feed", post()));
    while callee.heard().len() < 2 {
        tokio::select! {
            biased;
            _ = &mut first => panic!("nobody answers"),
            _ = &mut second => panic!("nobody answers"),
            () = tokio::task::yield_now() => {}
        }
    }
    let third = outbound
        .reach("feed", post().within(Duration::from_millis(20)))
        .await;
    let CallError::Unavailable { trouble, .. } = third.unwrap_err() else {
        panic!("a call that had no turn was not sent")
    };
    assert_eq!(trouble, Trouble::TimedOut);
    assert_eq!(callee.heard().len(), 2);
    // A turn that is given up is somebody else's.
    drop(first);
    let fourth = outbound
        .reach("feed", post().within(Duration::from_millis(200)))
        .await;
    assert!(matches!(fourth, Err(CallError::OutcomeUnknown { .. })));
    assert_eq!(callee.heard().len(), 3);
}
