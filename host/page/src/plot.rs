//! A small plot of one series: a line, its latest value and its highest.

use maud::{Markup, html};

/// Width and height of a plot in its own units, whatever its size on the screen.
const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 40.0;

/// Draws values, the earliest first. The top of the plot is the highest of them.
pub(crate) fn draw(name: &str, values: &[f64], text: impl Fn(f64) -> String) -> Markup {
    let highest = values.iter().copied().fold(0.0, f64::max);
    let latest = values.last().copied().unwrap_or_default();
    html! {
        figure.plot {
            figcaption { (name) " " b { (text(latest)) } span.muted { " at most " (text(highest)) } }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img"
                aria-label={ (name) ": " (text(latest)) } {
                polyline points=(points(values, highest)) vector-effect="non-scaling-stroke" {}
            }
        }
    }
}

/// The places of values, such as `0,40 300,0`. The latest is at the right edge.
fn points(values: &[f64], highest: f64) -> String {
    let last = f64::from(u32::try_from(values.len().saturating_sub(1)).unwrap_or(u32::MAX)).max(1.0);
    let scale = if highest > 0.0 { HEIGHT / highest } else { 0.0 };
    let mut places = Vec::new();
    let mut x = 0.0;
    for value in values {
        places.push(format!("{:.1},{:.1}", x * WIDTH / last, HEIGHT - value * scale));
        x += 1.0;
    }
    places.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fill_the_plot() {
        assert_eq!(points(&[0.0, 1.0, 2.0], 2.0), "0.0,40.0 150.0,20.0 300.0,0.0");
        assert_eq!(points(&[0.0], 0.0), "0.0,40.0");
        assert_eq!(points(&[], 0.0), "");
    }
}
