//! The lines, compared with those that iperf3 3.12 prints for the same numbers.

use super::{Style, bits, bytes};
use crate::iperf3::meter::Part;

#[test]
fn numbers_have_three_digits_and_a_unit() {
    let rows = [
        (0.0, "0.00 Bytes"),
        (999.0, " 999 Bytes"),
        (1024.0, "1.00 KBytes"),
        (13_000.0, "12.7 KBytes"),
        (131_072.0, " 128 KBytes"),
        (1_047_552.0, "1023 KBytes"),
        (31_457_280.0, "30.0 MBytes"),
        (1_256_277_934.0, "1.17 GBytes"),
        (5e15, "4547 TBytes"),
    ];
    for (number, wanted) in rows {
        assert_eq!(bytes(number), wanted);
    }
    let rows = [
        (0.0, "0.00 bits"),
        (104_000.0, " 104 Kbits"),
        (1_048_366.3, "1.05 Mbits"),
        (9_999_000.0, "10.0 Mbits"),
        (99_960_000.0, " 100 Mbits"),
        (3.016e9, "3.02 Gbits"),
        (38.7e9, "38.7 Gbits"),
    ];
    for (number, wanted) in rows {
        assert_eq!(bits(number), wanted);
    }
}

#[test]
fn lines_have_the_columns_of_iperf3() {
    let part = |retransmits| Part { start: 0.0, end: 1.0, bytes: 13_000, retransmits };
    let (client, both) = (Style::new('C', false, true), Style::new('S', true, true));
    let rows = [
        (client.header(), "[ ID] Interval           Transfer     Bitrate         Retr  Cwnd"),
        (client.total_header(false), "[ ID] Interval           Transfer     Bitrate"),
        (
            both.total_header(true),
            "[ ID][Role] Interval           Transfer     Bitrate         Retr",
        ),
        (
            client.line(Some(5), true, &part(Some(0)), Some(635_904), ""),
            "[  5]   0.00-1.00   sec  12.7 KBytes   104 Kbits/sec    0    621 KBytes",
        ),
        (
            client.line(Some(5), true, &part(Some(7)), Some(635_904), "(omitted)"),
            "[  5]   0.00-1.00   sec  12.7 KBytes   104 Kbits/sec    7    621 KBytes       (omitted)",
        ),
        (
            both.total(Some(11), true, &part(Some(0)), "sender"),
            "[ 11][TX-S]   0.00-1.00   sec  12.7 KBytes   104 Kbits/sec    0             sender",
        ),
        (
            both.total(None, false, &part(None), "receiver"),
            "[SUM][RX-S]   0.00-1.00   sec  12.7 KBytes   104 Kbits/sec                  receiver",
        ),
    ];
    for (line, wanted) in rows {
        assert_eq!(line, wanted);
    }
}
