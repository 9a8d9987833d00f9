//! How does that look? One panel for each quantity, one line for each flow or link.

use std::error::Error;

use plotters::coord::Shift;
use plotters::prelude::*;
use tuntcp::sim::lab::{FlowReport, FlowSample, LinkReport, Outcome};

use super::seconds;

/// Pixels of the whole width and of one panel's height.
const WIDTH: u32 = 1100;
const HEIGHT: u32 = 230;

/// Pixels at the right, for the names of the lines.
const LEGEND: u32 = 150;

const FONT: &str = "sans-serif";

/// One line: its name, colour and points, with gaps where there is nothing to show.
struct Line {
    name: String,
    colour: PaletteColor<Palette99>,
    points: Vec<(f64, Option<f64>)>,
    /// A companion of another line: thin, and not in the legend.
    thin: bool,
}

impl Line {
    /// A thick one, of the colour of this place.
    fn new(name: &str, place: usize, points: impl Iterator<Item = (f64, Option<f64>)>) -> Self {
        let colour = Palette99::pick(place);
        Self { name: name.to_owned(), colour, points: points.collect(), thin: false }
    }
}

/// A quantity over time.
struct Panel {
    title: &'static str,
    lines: Vec<Line>,
}

/// The plot as SVG.
pub(super) fn plot(title: &str, outcome: &Outcome) -> Result<String, Box<dyn Error>> {
    let panels = panels(outcome);
    let mut text = String::new();
    let count = u32::try_from(panels.len())?;
    let root = SVGBackend::with_string(&mut text, (WIDTH, HEIGHT * count + 40)).into_drawing_area();
    root.fill(&WHITE)?;
    let below = root.titled(title, (FONT, 20))?;
    let end = seconds(outcome.ended);
    for (panel, area) in panels.iter().zip(below.split_evenly((panels.len(), 1))) {
        draw(panel, end, &area)?;
    }
    root.present()?;
    drop(below);
    drop(root);
    Ok(text)
}

fn panels(outcome: &Outcome) -> Vec<Panel> {
    let of_flows = |of: &dyn Fn(&FlowSample) -> Option<f64>, thin: bool| {
        let line = |(place, flow): (usize, &FlowReport)| {
            let own = outcome.flow_samples.iter().filter(|sample| sample.flow == place);
            let points = own.map(|sample| (seconds(sample.at), of(sample)));
            Line { thin, ..Line::new(&flow.name, place, points) }
        };
        outcome.flows.iter().enumerate().map(line).collect::<Vec<_>>()
    };
    let info = |of: fn(&tuntcp::tcp::Info) -> Option<f64>| {
        move |sample: &FlowSample| sample.info.as_ref().and_then(of)
    };
    let ssthresh = move |sample: &FlowSample| {
        let ssthresh = sample.info.as_ref()?.ssthresh;
        // Slow start has no threshold, and what lies beyond the window would flatten it.
        let cwnd = sample.info.as_ref()?.cwnd;
        (ssthresh <= cwnd.saturating_mul(4)).then(|| kilobytes(ssthresh))
    };
    let mut windows = of_flows(&info(|info| Some(kilobytes(info.cwnd))), false);
    windows.extend(of_flows(&ssthresh, true));
    let flight = of_flows(&info(|info| Some(kilobytes(info.in_flight))), false);
    let rtt = of_flows(&info(|info| info.srtt.map(|srtt| srtt.as_secs_f64() * 1e3)), false);
    let waits = of_flows(&|sample| sample.queued.map(|wait| wait.as_secs_f64() * 1e3), false);
    let goodput = of_flows(&|sample| sample.info.is_some().then_some(sample.goodput / 1e6), false);
    vec![
        Panel { title: "congestion window (thin: ssthresh), kB", lines: windows },
        Panel { title: "smoothed round trip, ms", lines: rtt },
        Panel { title: "in flight, kB", lines: flight },
        Panel { title: "wait in queues, ms", lines: waits },
        Panel { title: "queue of each link, packets", lines: queues(outcome) },
        Panel { title: "goodput, Mbit/s", lines: goodput },
    ]
}

fn kilobytes(bytes: u32) -> f64 {
    f64::from(bytes) / 1e3
}

/// The queues in which anything ever waited.
fn queues(outcome: &Outcome) -> Vec<Line> {
    let line = |(place, link): (usize, &LinkReport)| {
        let own = outcome.link_samples.iter().filter(|sample| sample.link == place);
        let points = own.map(|sample| (seconds(sample.at), Some(sample.backlog.frames as f64)));
        Line::new(&link.name, place, points)
    };
    let used = |line: &Line| line.points.iter().any(|(_, frames)| frames.is_some_and(|n| n > 0.0));
    outcome.links.iter().enumerate().map(line).filter(used).collect()
}

fn draw(
    panel: &Panel,
    end: f64,
    area: &DrawingArea<SVGBackend<'_>, Shift>,
) -> Result<(), Box<dyn Error>> {
    let (left, right) = area.split_horizontally(WIDTH - LEGEND);
    let values = panel.lines.iter().flat_map(|line| &line.points).filter_map(|(_, value)| *value);
    let top = values.fold(0.0, f64::max);
    let top = if top > 0.0 { top * 1.05 } else { 1.0 };
    let mut chart = ChartBuilder::on(&left)
        .caption(panel.title, (FONT, 15))
        .margin_right(20)
        .x_label_area_size(25)
        .y_label_area_size(70)
        .build_cartesian_2d(0.0..end, 0.0..top)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_label_formatter(&|at| format!("{} s", short(*at)))
        .y_label_formatter(&|value| short(*value))
        .y_labels(5)
        .draw()?;
    for line in &panel.lines {
        let style = line.colour.stroke_width(if line.thin { 1 } else { 2 });
        for run in line.points.split(|(_, value)| value.is_none()) {
            let points = run.iter().filter_map(|(at, value)| value.map(|value| (*at, value)));
            chart.draw_series(LineSeries::new(points, style))?;
        }
    }
    legend(panel, &right)
}

/// Whose line is which, as far down as there is room.
fn legend(panel: &Panel, area: &DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), Box<dyn Error>> {
    let mut below = 30;
    for line in panel.lines.iter().filter(|line| !line.thin).take(12) {
        area.draw(&Rectangle::new([(0, below + 4), (14, below + 8)], line.colour.filled()))?;
        area.draw(&Text::new(line.name.clone(), (20, below), (FONT, 13)))?;
        below += 15;
    }
    Ok(())
}

/// A number with three decimals at the most.
fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
