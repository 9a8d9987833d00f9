use super::*;

/// Each from its first byte to behind its last one.
fn parts(ranges: &[(u64, u64)]) -> Wanted {
    Wanted::Parts(ranges.iter().map(|&(first, end)| first..end).collect())
}

#[test]
fn ranges_of_a_hundred_bytes() {
    use Wanted::{All, Nothing};
    let many = "0-0,".repeat(MAX_PARTS);
    let too_many = "0-0,".repeat(MAX_PARTS + 1);
    let rows = [
        ("bytes=0-9", parts(&[(0, 10)])),
        ("bytes=99-99", parts(&[(99, 100)])),
        ("bytes=90-", parts(&[(90, 100)])),
        ("bytes=90-1000", parts(&[(90, 100)])),
        ("bytes=90-99999999999999999999999", parts(&[(90, 100)])),
        ("bytes=-10", parts(&[(90, 100)])),
        ("bytes=-1000", parts(&[(0, 100)])),
        ("Bytes = 0-9", parts(&[(0, 10)])),
        ("bytes=0-0, 5-6 ,-1", parts(&[(0, 1), (5, 7), (99, 100)])),
        ("bytes=0-0,200-300", parts(&[(0, 1)])),
        ("bytes=,,5-6,", parts(&[(5, 7)])),
        ("bytes=100-", Nothing),
        ("bytes=100-200,300-", Nothing),
        ("bytes=99999999999999999999999-", Nothing),
        ("bytes=-0", Nothing),
        ("bytes=9-0", All),
        ("bytes=0-0,9-0", All),
        ("bytes=", All),
        ("bytes=,", All),
        ("bytes=-", All),
        ("bytes=a-b", All),
        ("bytes=+1-2", All),
        ("bytes=1-2-3", All),
        ("bytes=5", All),
        ("bytes 0-9", All),
        ("lines=0-9", All),
        ("", All),
        // What overlaps would be more than the whole.
        ("bytes=0-,0-,0-", All),
        ("bytes=0-59,40-99", All),
    ];
    for (range, wanted) in rows {
        assert_eq!(parse(range, 100), wanted, "{range}");
    }
    assert_eq!(parse(&format!("bytes={many}"), 100), parts(&vec![(0, 1); MAX_PARTS]));
    assert_eq!(parse(&format!("bytes={too_many}"), 100), All);
    for range in ["bytes=0-", "bytes=0-0", "bytes=-5"] {
        assert_eq!(parse(range, 0), Nothing, "of nothing, {range}");
    }
}
