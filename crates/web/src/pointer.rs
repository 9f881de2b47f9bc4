//! JSON pointers (RFC 6901) from the paths that deserialisers report.

use serde_json::Value;
use serde_path_to_error::Segment;

/// Appends one reference token, with `~` and `/` escaped (RFC 6901, section 3).
pub(crate) fn push(pointer: &mut String, token: &str) {
    pointer.push('/');
    pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
}

/// The pointer of a path that `serde_path_to_error` followed.
pub(crate) fn of_path(path: &serde_path_to_error::Path) -> String {
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => push(&mut pointer, &index.to_string()),
            Segment::Map { key } => push(&mut pointer, key),
            Segment::Enum { variant } => push(&mut pointer, variant),
            Segment::Unknown => {}
        }
    }
    pointer
}

/// The path of a member that `serde_ignored` found without a home, as reference tokens. It lacks
/// the tags of enums, which [`within`] puts back.
pub(crate) fn tokens(path: &serde_ignored::Path<'_>) -> Vec<String> {
    use serde_ignored::Path;
    let (parent, token) = match path {
        Path::Root => return Vec::new(),
        Path::Seq { parent, index } => (parent, Some(index.to_string())),
        Path::Map { parent, key } => (parent, Some(key.clone())),
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => (parent, None),
    };
    let mut tokens = tokens(parent);
    tokens.extend(token);
    tokens
}

/// The pointer of `tokens` in this document: where an object has no such member but exactly one
/// other, that one is the tag of an enum, and the way goes through it.
pub(crate) fn within(document: &Value, tokens: &[String]) -> String {
    let (mut pointer, mut place) = (String::new(), Some(document));
    for token in tokens {
        while let Some(Value::Object(members)) = place
            && !members.contains_key(token)
            && members.len() == 1
        {
            for (tag, inside) in members {
                push(&mut pointer, tag);
                place = Some(inside);
            }
        }
        push(&mut pointer, token);
        place = match place {
            Some(Value::Object(members)) => members.get(token),
            Some(Value::Array(items)) => token.parse().ok().and_then(|at: usize| items.get(at)),
            _ => None,
        };
    }
    pointer
}
