//! PostgreSQL's binary form of `numeric`, to and from decimal text.
//!
//! The form is that of `numeric_send` in PostgreSQL's `numeric.c`: a count of base-10000 digits,
//! the weight of the first, the sign, the number of decimals, then the digits, each in two bytes,
//! big-endian. The driver knows decimals of 96 bits only; sums need i128.
//!
//! Promises: text → binary → text gives the same text, decimals at the end included.
//! Does not: hold infinities or not-a-number; reading one is `None`.

const NEGATIVE: u16 = 0x4000;
const POSITIVE: u16 = 0x0000;

/// Decimal digits per digit of the binary form.
const GROUP: usize = 4;

/// The binary form of `[-]digits[.digits]`; `None` for anything else.
pub(crate) fn encode(text: &str) -> Option<Vec<u8>> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (NEGATIVE, rest),
        None => (POSITIVE, text),
    };
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let well_formed = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !well_formed(whole) || !well_formed(decimals) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let leading = (GROUP - whole.len() % GROUP) % GROUP;
    let trailing = (GROUP - decimals.len() % GROUP) % GROUP;
    let padded = format!(
        "{}{whole}{decimals}{}",
        "0".repeat(leading),
        "0".repeat(trailing)
    );
    let groups: Vec<u16> = padded
        .as_bytes()
        .chunks(GROUP)
        .map(|group| group.iter().fold(0, add_digit))
        .collect();
    let first = groups
        .iter()
        .position(|group| *group != 0)
        .unwrap_or(groups.len());
    let last = groups
        .iter()
        .rposition(|group| *group != 0)
        .map_or(first, |last| last + 1);
    let weight = (leading + whole.len())
        .div_ceil(GROUP)
        .checked_add_signed(-1);
    let weight = match weight {
        Some(weight) => i16::try_from(weight).ok()?,
        None => -1,
    };
    let weight = if first == last {
        0
    } else {
        weight - i16::try_from(first).ok()?
    };
    let mut out = Vec::with_capacity(8 + 2 * (last - first));
    out.extend(u16::try_from(last - first).ok()?.to_be_bytes());
    out.extend(weight.to_be_bytes());
    out.extend(if first == last { POSITIVE } else { sign }.to_be_bytes());
    out.extend(u16::try_from(decimals.len()).ok()?.to_be_bytes());
    out.extend(
        groups[first..last]
            .iter()
            .flat_map(|group| group.to_be_bytes()),
    );
    Some(out)
}

fn add_digit(sum: u16, digit: &u8) -> u16 {
    sum * 10 + u16::from(digit - b'0')
}

/// The text of a binary form.
pub(crate) fn decode(bytes: &[u8]) -> Option<String> {
    let mut words = bytes.chunks_exact(2).map(|pair| [pair[0], pair[1]]);
    let count = u16::from_be_bytes(words.next()?);
    let weight = i16::from_be_bytes(words.next()?);
    let sign = u16::from_be_bytes(words.next()?);
    let decimals = usize::from(u16::from_be_bytes(words.next()?));
    let groups: Vec<u16> = words.map(u16::from_be_bytes).collect();
    if groups.len() != usize::from(count) || (sign != POSITIVE && sign != NEGATIVE) {
        return None;
    }
    // Groups by their weight: those above and below what was sent are zero.
    let group = |at: i32| {
        let index = usize::try_from(i32::from(weight) - at).ok();
        index
            .and_then(|index| groups.get(index))
            .copied()
            .unwrap_or(0)
    };
    let whole: String = (0..=i32::from(weight))
        .rev()
        .map(|at| format!("{:04}", group(at)))
        .collect();
    let whole = whole.trim_start_matches('0');
    let mut fraction: String = (1..=decimals.div_ceil(GROUP) as i32)
        .map(|at| format!("{:04}", group(-at)))
        .collect();
    fraction.truncate(decimals);
    let minus = if sign == NEGATIVE { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if decimals == 0 { "" } else { "." };
    Some(format!("{minus}{whole}{point}{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    fn check(text: &str) {
        let bytes = encode(text).unwrap();
        assert_eq!(decode(&bytes).as_deref(), Some(text), "{text}: {bytes:?}");
    }

    #[test]
    fn text_comes_back_as_it_was() {
        check("0");
        check("0.00");
        check("1");
        check("-1");
        check("9999");
        check("10000");
        check("100000000");
        check("12345678.87654321");
        check("0.1");
        check("0.0001");
        check("0.00001");
        check("-0.000000000000000000000000000001");
        check("1.10");
        check("10000.0000");
        check(&i128::MAX.to_string());
        check(&i128::MIN.to_string());
    }

    /// As the server sends them: `SELECT numeric_send(12345.678)` and so on.
    #[test]
    fn the_form_is_the_servers() {
        let check = |text: &str, words: &[u16]| {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            assert_eq!(encode(text), Some(bytes), "{text}");
        };
        check("12345.678", &[3, 1, 0, 3, 1, 2345, 6780]);
        check("-0.0012", &[1, 0xffff, 0x4000, 4, 12]);
        check("20000", &[1, 1, 0, 0, 2]);
        check("0.00", &[0, 0, 0, 2]);
    }

    #[test]
    fn what_is_not_a_decimal_is_refused() {
        for text in ["", "-", ".", ".5", "1e3", "NaN", "1.2.3", "+1", " 1"] {
            assert_eq!(encode(text), None, "{text}");
        }
        assert_eq!(decode(&[0, 0, 0, 0, 0xc0, 0, 0, 0]), None);
        assert_eq!(decode(&[0, 1]), None);
    }
}
