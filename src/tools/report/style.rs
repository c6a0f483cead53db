//! Borders and colours of a sheet.

use plotters::style::RGBColor;

/// Left and right border of everything but the charts.
pub(super) const LEFT: i32 = 24;
pub(super) const RIGHT: i32 = 976;
/// Left and right end of the charts' axis of time.
pub(super) const FROM: i32 = 136;
pub(super) const TO: i32 = 976;

pub(super) const INK: RGBColor = RGBColor(28, 32, 38);
pub(super) const SOFT: RGBColor = RGBColor(96, 104, 114);
pub(super) const FAINT: RGBColor = RGBColor(214, 218, 223);
/// Where nothing was kept.
pub(super) const MISSING: RGBColor = RGBColor(226, 228, 231);
pub(super) const PEOPLE: RGBColor = RGBColor(38, 84, 134);
pub(super) const ACTIVITY: RGBColor = RGBColor(66, 128, 96);
pub(super) const POSTURE: RGBColor = RGBColor(104, 82, 148);
pub(super) const ALARM: RGBColor = RGBColor(196, 40, 32);
