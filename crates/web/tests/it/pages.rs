//! Pages: limits, cursors, and that following the cursor shows everything once.

use web::{Cursor, Page, PageQuery};

fn code(limit: Option<u32>, cursor: Option<&str>) -> &'static str {
    PageQuery::parse(limit, cursor).unwrap_err().code().name
}

#[test]
fn a_limit_is_from_one_to_two_hundred() {
    assert_eq!(PageQuery::parse(None, None).unwrap().limit, 50);
    assert_eq!(PageQuery::parse(Some(1), None).unwrap().limit, 1);
    assert_eq!(PageQuery::parse(Some(200), None).unwrap().limit, 200);
    for limit in [0, 201, u32::MAX] {
        assert_eq!(
            code(Some(limit), None),
            "page_limit_must_be_in_range",
            "{limit}"
        );
    }
}

#[test]
fn a_cursor_comes_back_as_it_was_given_out() {
    for key in ["", "7", "2025-06-02/ключ", "a\u{0}b"] {
        let text = Cursor::new(key).encode();
        let query = PageQuery::parse(None, Some(&text)).unwrap();
        assert_eq!(query.cursor.unwrap().key(), key);
    }
    for wrong in ["a", "a=", "é", "_-8", &"A".repeat(4096)] {
        assert_eq!(code(None, Some(wrong)), "cursor_must_be_valid", "{wrong}");
    }
}

#[test]
fn following_the_cursor_shows_everything_once() {
    for total in 0..8 {
        let (mut cursor, mut seen, mut pages) = (None::<String>, Vec::<i64>::new(), 0);
        loop {
            let query = PageQuery::parse(Some(3), cursor.as_deref()).unwrap();
            let after: i64 = query
                .cursor
                .as_ref()
                .map_or(-1, |it| it.key().parse().unwrap());
            let wanted = i64::from(query.limit) + 1;
            let rows: Vec<i64> = (after + 1..total).take(wanted as usize).collect();
            let page = Page::from_rows(rows, &query, i64::to_string);
            seen.extend(&page.items);
            pages += 1;
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, (0..total).collect::<Vec<_>>());
        assert_eq!(pages, ((total + 2) / 3).max(1));
    }
}

#[test]
fn the_last_page_says_null() {
    let query = PageQuery::parse(None, None).unwrap();
    let page = Page::from_rows(vec![1], &query, i32::to_string).map(|item| item * 2);
    assert_eq!(
        serde_json::to_string(&page).unwrap(),
        r#"{"items":[2],"next_cursor":null}"#
    );
}
