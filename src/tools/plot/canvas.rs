//! What drawings are drawn on: SVG text or a bitmap, behind one type, so that a drawing is written
//! once and is not generic.

use super::glyphs;
use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind};

/// SVG text or a bitmap.
pub struct Canvas<'a>(Kind<'a>);

enum Kind<'a> {
    Svg(SVGBackend<'a>),
    Bitmap(BitMapBackend<'a>),
}

/// Why a canvas refused to draw.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// SVG.
    #[error(transparent)]
    Svg(<SVGBackend<'static> as DrawingBackend>::ErrorType),
    /// A bitmap.
    #[error(transparent)]
    Bitmap(<BitMapBackend<'static> as DrawingBackend>::ErrorType),
}

type Drawn = Result<(), DrawingErrorKind<BackendError>>;

impl<'a> Canvas<'a> {
    /// Draws into `text`, which gets the whole `<svg>` element.
    pub(super) fn svg(text: &'a mut String, size: (u32, u32)) -> Canvas<'a> {
        Canvas(Kind::Svg(SVGBackend::with_string(text, size)))
    }

    /// Draws into `rgb`: three bytes for each of `size` pixels.
    pub(super) fn bitmap(rgb: &'a mut [u8], size: (u32, u32)) -> Canvas<'a> {
        Canvas(Kind::Bitmap(BitMapBackend::with_buffer(rgb, size)))
    }
}

/// Calls the same method of the backend that is there, and wraps its error.
macro_rules! on {
    ($canvas:expr, $backend:ident => $call:expr) => {
        match &mut $canvas.0 {
            Kind::Svg($backend) => $call.map_err(|e| wrap(e, BackendError::Svg)),
            Kind::Bitmap($backend) => $call.map_err(|e| wrap(e, BackendError::Bitmap)),
        }
    };
}

fn wrap<E: std::error::Error + Send + Sync>(
    e: DrawingErrorKind<E>,
    name: fn(E) -> BackendError,
) -> DrawingErrorKind<BackendError> {
    match e {
        DrawingErrorKind::DrawingError(e) => DrawingErrorKind::DrawingError(name(e)),
        DrawingErrorKind::FontError(e) => DrawingErrorKind::FontError(e),
    }
}

impl DrawingBackend for Canvas<'_> {
    type ErrorType = BackendError;

    fn get_size(&self) -> (u32, u32) {
        match &self.0 {
            Kind::Svg(svg) => svg.get_size(),
            Kind::Bitmap(bitmap) => bitmap.get_size(),
        }
    }

    fn ensure_prepared(&mut self) -> Drawn {
        on!(self, backend => backend.ensure_prepared())
    }

    fn present(&mut self) -> Drawn {
        on!(self, backend => backend.present())
    }

    fn draw_pixel(&mut self, point: BackendCoord, colour: BackendColor) -> Drawn {
        on!(self, backend => backend.draw_pixel(point, colour))
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        on!(self, backend => backend.draw_line(from, to, style))
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        top_left: BackendCoord,
        bottom_right: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        on!(self, backend => backend.draw_rect(top_left, bottom_right, style, fill))
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        on!(self, backend => backend.draw_path(path, style))
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        centre: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        on!(self, backend => backend.draw_circle(centre, radius, style, fill))
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        corners: I,
        style: &S,
    ) -> Drawn {
        on!(self, backend => backend.fill_polygon(corners, style))
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drawn {
        match &mut self.0 {
            Kind::Svg(svg) => svg.draw_text(text, style, at).map_err(|e| wrap(e, BackendError::Svg)),
            Kind::Bitmap(bitmap) => {
                let pixel = |at, colour| bitmap.draw_pixel(at, colour);
                glyphs::draw(text, style, at, pixel).map_err(|e| wrap(e, BackendError::Bitmap))
            }
        }
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<BackendError>> {
        // The same for both, so that a drawing looks the same in both.
        Ok(glyphs::size(text, style.size()))
    }

    fn blit_bitmap(&mut self, at: BackendCoord, size: (u32, u32), rgb: &[u8]) -> Drawn {
        on!(self, backend => backend.blit_bitmap(at, size, rgb))
    }
}
