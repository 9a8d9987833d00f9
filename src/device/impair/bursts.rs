//! Which frames are lost where losses come in bursts? A chain of two states, as Gilbert drew it:
//! in the bad one every frame is lost, in the good one none.

use fastrand::Rng;

use super::spec::Spec;

#[derive(Debug)]
pub(super) struct Bursts {
    /// The chance that a burst begins with the next frame, and that it ends with it.
    begins: f64,
    ends: f64,
    bad: bool,
}

impl Bursts {
    /// So that `loss` of all frames are lost, `burst` in a row on average. The share of bad frames
    /// is begins / (begins + ends); a burst lasts 1 / ends frames.
    pub(super) fn new(spec: &Spec) -> Option<Self> {
        let loss = f64::from(spec.loss.in_a_million()) / 1e6;
        // With so many lost, even one frame between two bursts makes them longer than asked.
        let ends = (1.0 / f64::from(spec.burst?.max(1))).min((1.0 - loss) / loss);
        let begins = if loss < 1.0 { ends * loss / (1.0 - loss) } else { 1.0 };
        Some(Self { begins, ends, bad: false })
    }

    /// Whether the next frame is lost.
    pub(super) fn next(&mut self, rng: &mut Rng) -> bool {
        let change = if self.bad { self.ends } else { self.begins };
        self.bad ^= rng.f64() < change;
        self.bad
    }
}
