//! The documents of messages: sent again as they are, or with what an operator changed.
//!
//! Promises: what is sent again is the same message, by its id, with the number of its attempts
//! raised; an edit changes what the message says and nothing that it is known by, its time among
//! them: by that its consumer knows whether it could have forgotten it.

use broker::Message;

use super::Reject;

/// The message to be sent again, or none if the document is not one.
pub fn again(document: &str, attempts: u32) -> Option<Message> {
    let mut message = Message::parse(document).ok()?;
    message.attempt = attempts;
    Some(message)
}

/// Whether `edited` may take the place of `document`, which is a message.
pub fn check_edit(document: &str, edited: &str) -> Result<(), Reject> {
    let is = Message::parse(edited).map_err(|error| Reject::EditMustBeAMessage {
        reason: error.to_string(),
    })?;
    let was = Message::parse(document).map_err(|_| Reject::LetterMustHoldAMessage)?;
    let kept = [
        ("id", is.id == was.id),
        ("source", is.source == was.source),
        ("type", is.kind == was.kind),
        ("subject", is.subject == was.subject),
        ("time", is.time == was.time),
        ("datacontenttype", is.datacontenttype == was.datacontenttype),
        (
            "aggregateversion",
            is.aggregateversion == was.aggregateversion,
        ),
        ("attempt", is.attempt == was.attempt),
    ];
    match kept.into_iter().find(|(_, kept)| !kept) {
        Some((member, _)) => Err(Reject::EditMustKeepTheMessage { member }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"specversion":"1.0","id":"evt_01j00000000000000000000000",
        "source":"/toys","type":"toys.make","subject":"toy-1","time":"2025-06-02T09:00:00Z",
        "datacontenttype":"application/json","schemaversion":1,"aggregateversion":7,
        "data":{"colour":"red"}}"#;

    #[test]
    fn what_is_sent_again_is_the_same_message_with_its_attempts() {
        let again = again(DOCUMENT, 3).expect("it is a message");
        let was = Message::parse(DOCUMENT).expect("it is a message");
        assert_eq!((again.id, again.attempt), (was.id, 3));
        assert_eq!(again.data.get(), was.data.get());
        assert!(super::again("{", 3).is_none());
    }

    #[test]
    fn an_edit_changes_what_is_said_and_nothing_it_is_known_by() {
        let check = |from: &str, to: &str, expected: Result<(), &str>| {
            let edited = DOCUMENT.replace(from, to);
            assert_ne!(edited, DOCUMENT, "{from}");
            let member = |member| Reject::EditMustKeepTheMessage { member };
            let expected = expected.map_err(|name| {
                let names = [
                    "id",
                    "source",
                    "type",
                    "subject",
                    "time",
                    "aggregateversion",
                ];
                let known = names.into_iter().chain(["attempt", "datacontenttype"]);
                member(
                    known
                        .into_iter()
                        .find(|known| *known == name)
                        .expect("a member"),
                )
            });
            assert_eq!(check_edit(DOCUMENT, &edited), expected, "{from}");
        };
        check("red", "blue", Ok(()));
        check("\"schemaversion\":1", "\"schemaversion\":2", Ok(()));
        check(
            "evt_01j00000000000000000000000",
            "evt_01j00000000000000000000001",
            Err("id"),
        );
        check("/toys", "/deals", Err("source"));
        check("toys.make", "toys.break", Err("type"));
        check("toy-1", "toy-2", Err("subject"));
        check("09:00:00", "09:00:01", Err("time"));
        check("application/json", "text/plain", Err("datacontenttype"));
        check(
            "\"aggregateversion\":7",
            "\"aggregateversion\":8",
            Err("aggregateversion"),
        );
        check(
            "\"aggregateversion\":7",
            "\"attempt\":1,\"aggregateversion\":7",
            Err("attempt"),
        );
        let refused = check_edit(DOCUMENT, "{");
        assert!(
            matches!(refused, Err(Reject::EditMustBeAMessage { .. })),
            "{refused:?}"
        );
        assert_eq!(
            check_edit("{", DOCUMENT),
            Err(Reject::LetterMustHoldAMessage)
        );
    }
}
