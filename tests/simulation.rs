//! The real engine between two or more hosts in virtual time.

#[path = "simulation/buffers.rs"]
mod buffers;
#[path = "simulation/bulk.rs"]
mod bulk;
#[path = "simulation/circles.rs"]
mod circles;
#[path = "simulation/crowds.rs"]
mod crowds;
#[path = "simulation/endings.rs"]
mod endings;
#[path = "simulation/invariants.rs"]
mod invariants;
#[path = "simulation/links.rs"]
mod links;
#[path = "simulation/marks.rs"]
mod marks;
#[path = "simulation/memory.rs"]
mod memory;
#[path = "simulation/openings.rs"]
mod openings;
#[path = "simulation/rates.rs"]
mod rates;
#[path = "simulation/repair.rs"]
mod repair;
#[path = "simulation/seeds.rs"]
mod seeds;
#[path = "simulation/silence.rs"]
mod silence;
#[path = "simulation/world.rs"]
mod world;
