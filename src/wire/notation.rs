//! Packetdrill notation: `Display` and `FromStr` of a segment, each the inverse of the other.
