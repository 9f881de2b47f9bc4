//! Names that follow a rule.

use kit::name::Subject;

#[test]
fn a_subject_is_1_to_255_visible_ascii_characters() {
    let longest = "x".repeat(255);
    for text in ["a", "cus_7", "!", "~", "a@b.example", &longest] {
        assert_eq!(Subject::parse(text).unwrap().as_str(), text);
    }
    let too_long = "x".repeat(256);
    for text in ["", " ", "two words", "a\n", "a\0", "é", "\u{7f}", &too_long] {
        let error = Subject::parse(text).unwrap_err();
        assert_eq!(
            error.to_string(),
            "subject must be 1 to 255 visible ascii characters"
        );
    }
}

#[test]
fn on_the_wire_a_name_is_its_text() {
    let subject = Subject::parse("cus_7").unwrap();
    assert_eq!(serde_json::to_string(&subject).unwrap(), r#""cus_7""#);
    assert_eq!(
        serde_json::from_str::<Subject>(r#""cus_7""#).unwrap(),
        subject
    );
    assert!(serde_json::from_str::<Subject>(r#""two words""#).is_err());
    assert!(Subject::parse("a").unwrap() < Subject::parse("b").unwrap());
}
