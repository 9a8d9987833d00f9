//! Whether a sample of the delivery rate tells of the path, or of the application.

use super::script::{At, at};

/// draft-ietf-ccwg-bbr-06 4.1.2.4: the application is the limit where it leaves room in the window.
#[test]
fn who_is_the_limit() {
    let setup = at(At::Established).sack();
    let reno = setup.config(|config| config.congestion = "reno".parse().expect("it is there"));
    let later = |first: u32| {
        let (last, end) = (first + 1, first + 2);
        format!("+100ms; cork; ack 2; write 1460; uncork; sends {last}; +100ms; ack {end}")
    };
    reno.rows(&[
        ("room is left", &format!("write 13140; sends 1-9; {}; info app_limited true", later(9))),
        (
            "it fits exactly",
            &format!("write 14600; sends 1-10; {}; info app_limited false", later(10)),
        ),
    ]);
}
