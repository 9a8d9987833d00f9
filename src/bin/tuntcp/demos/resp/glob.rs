//! Patterns for names: `*`, `?`, `[abc]`, `[a-z]`, `[^a]`, and `\` before what stands for itself.

/// Steps that the matching of one command may take: some patterns take very many for some names.
pub(super) const STEPS: usize = 20 << 20;

/// Whether all of `text` matches `pattern`; `None` if `steps` do not suffice to tell.
pub(super) fn matches(pattern: &[u8], text: &[u8], steps: &mut usize) -> Option<bool> {
    let (mut at, mut pos) = (0, 0);
    // Behind the last `*`, and where in the text that has to match next.
    let mut star = None;
    loop {
        *steps = steps.checked_sub(1)?;
        if pattern.get(at) == Some(&b'*') {
            at += 1;
            star = Some((at, pos));
            continue;
        }
        if pos == text.len() && at == pattern.len() {
            return Some(true);
        }
        let next = text.get(pos).and_then(|&byte| one(&pattern[at..], byte, steps));
        if let Some(len) = next {
            (at, pos) = (at + len, pos + 1);
        } else if let Some((behind, from)) = star
            && from < text.len()
        {
            // The star takes a byte more.
            (at, pos) = (behind, from + 1);
            star = Some((behind, from + 1));
        } else {
            return Some(false);
        }
    }
}

/// The bytes of `pattern`'s first element, if `byte` matches it.
fn one(pattern: &[u8], byte: u8, steps: &mut usize) -> Option<usize> {
    match pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'[', class @ ..] => {
            let (found, len) = in_class(class, byte);
            *steps = steps.saturating_sub(len);
            found.then_some(1 + len)
        }
        [b'\\', escaped, ..] => (*escaped == byte).then_some(2),
        [itself, ..] => (*itself == byte).then_some(1),
    }
}

/// Whether `byte` is in the class that begins behind its `[`, and the bytes of that; one that is not
/// closed ends with the pattern.
fn in_class(class: &[u8], byte: u8) -> (bool, usize) {
    let negated = class.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut found = false;
    loop {
        match &class[at..] {
            [] => break,
            [b']', ..] => {
                at += 1;
                break;
            }
            [b'\\', escaped, ..] => {
                found |= *escaped == byte;
                at += 2;
            }
            [one, b'-', other, ..] => {
                found |= (*one.min(other)..=*one.max(other)).contains(&byte);
                at += 3;
            }
            [itself, ..] => {
                found |= *itself == byte;
                at += 1;
            }
        }
    }
    (found != negated, at)
}
