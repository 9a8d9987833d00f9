//! How does that look? A panel for each figure that matters most, a bar for each contender.

use std::error::Error;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::measures::Direction::{In, Out};
use crate::measures::{MTU, name};
use crate::report::{Report, short};

/// Pixels.
const WIDTH: u32 = 1000;
const BAR: i32 = 18;
const TITLE: i32 = 26;
/// Where the bars begin, and how long the longest one is.
const LEFT: i32 = 180;
const LONGEST: f64 = 260.0;

const FONT: &str = "sans-serif";
const OURS: RGBColor = RGBColor(0x1f, 0x77, 0xb4);
const THEIRS: RGBColor = RGBColor(0xb0, 0xb0, 0xb0);

/// The chart as SVG, of what was measured.
pub(crate) fn draw(report: &Report<'_>) -> Result<String, Box<dyn Error>> {
    let panels: Vec<(&str, String)> = vec![
        ("goodput in, one stream, Gbit/s", name::goodput(In, 1, MTU)),
        ("goodput out, one stream, Gbit/s", name::goodput(Out, 1, MTU)),
        ("CPU seconds per GB in (less is better)", name::cpu(In, MTU)),
        ("CPU seconds per GB out (less is better)", name::cpu(Out, MTU)),
        ("ping-pong p50, µs (less is better)", name::ping_pong("p50", false)),
        ("ping-pong p50 on one CPU, µs (less is better)", name::ping_pong("p50", true)),
        ("connect-echo-close a second, one client", name::connections(1)),
        ("an idle connection, bytes (less is better)", name::IDLE.to_owned()),
    ];
    let panel = TITLE + BAR * report.contenders.len() as i32 + 12;
    let mut text = String::new();
    let size = (WIDTH, panel as u32 * panels.len().div_ceil(2) as u32);
    let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
    root.fill(&WHITE)?;
    for ((title, figure), area) in
        panels.iter().zip(root.split_evenly((panels.len().div_ceil(2), 2)))
    {
        bars(report, title, figure, &area)?;
    }
    root.present()?;
    drop(root);
    Ok(text)
}

fn bars(
    report: &Report<'_>,
    title: &str,
    figure: &str,
    area: &DrawingArea<SVGBackend<'_>, Shift>,
) -> Result<(), Box<dyn Error>> {
    area.draw(&Text::new(title.to_owned(), (8, 8), (FONT, 17)))?;
    let values = report.contenders.iter().filter_map(|contender| {
        Some((contender.name, report.results.median(figure, contender.name)?))
    });
    let values: Vec<(&str, f64)> = values.collect();
    let most = values.iter().fold(f64::MIN_POSITIVE, |most, (_, value)| most.max(*value));
    for (place, (name, value)) in values.into_iter().enumerate() {
        let top = TITLE + BAR * place as i32;
        let end = LEFT + (value / most * LONGEST) as i32;
        let colour = if name.starts_with("tuntcp") { OURS } else { THEIRS };
        area.draw(&Text::new(name.to_owned(), (8, top + 2), (FONT, 15)))?;
        area.draw(&Rectangle::new([(LEFT, top + 1), (end, top + BAR - 2)], colour.filled()))?;
        area.draw(&Text::new(short(value), (end + 5, top + 2), (FONT, 15)))?;
    }
    Ok(())
}
