//! The pictures: who made them, when, and something that moves.

use std::convert::Infallible;

use embedded_graphics::mono_font::MonoTextStyle;
use embedded_graphics::mono_font::ascii::FONT_10X20;
use embedded_graphics::pixelcolor::Gray8;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::{Circle, PrimitiveStyle};
use embedded_graphics::text::Text;
use encoder_ffmpeg::code::{FrameCode, HEIGHT, WIDTH};

const LUMA: usize = WIDTH * HEIGHT;
const CHROMA: usize = LUMA / 4;
const BLACK: u8 = 16;
const WHITE: u8 = 235;
/// Y, Cb and Cr of the bars: white, yellow, cyan, green, magenta, red and blue at three quarters.
const BARS: [[u8; 3]; 7] = [
    [180, 128, 128],
    [162, 44, 142],
    [131, 156, 44],
    [112, 72, 58],
    [84, 184, 198],
    [65, 100, 212],
    [35, 212, 114],
];
const BAR_ROWS: std::ops::Range<usize> = 52..110;
const RAMP_ROWS: std::ops::Range<usize> = 110..126;
/// Where the ball runs.
const TRACK_TOP: i32 = 132;
const BALL: i32 = 24;

/// What is wrong with the pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::simulator) struct PictureFaults {
    /// Nothing is sent at all.
    pub(in crate::simulator) stall: bool,
    pub(in crate::simulator) freeze: bool,
    pub(in crate::simulator) black: bool,
    /// Every picture of that number is replaced by the one before.
    pub(in crate::simulator) drop_one_in: Option<u32>,
}

/// Makes the pictures of one stream in turn, as yuv420p on a canvas of [`WIDTH`] times [`HEIGHT`].
#[derive(Debug)]
pub(super) struct Camera {
    source: u8,
    name: String,
    background: Vec<u8>,
    picture: Vec<u8>,
    /// Pictures taken so far, delivered or not.
    taken: u64,
}

impl Camera {
    pub(super) fn new(source: u8, name: &str) -> Self {
        let background = background();
        Self {
            source,
            name: name.chars().take(WIDTH / 10 - 2).collect(),
            picture: background.clone(),
            background,
            taken: 0,
        }
    }

    /// The picture that is delivered at that time.
    pub(super) fn take(&mut self, unix_millis: u64, faults: PictureFaults) -> &[u8] {
        self.taken += 1;
        let lost = faults
            .drop_one_in
            .is_some_and(|one_in| self.taken.is_multiple_of(u64::from(one_in.max(1))));
        // The very first one has none before it to repeat.
        if self.taken > 1 && (faults.freeze || lost) {
            return &self.picture;
        }
        match faults.black {
            true => {
                let (luma, chroma) = self.picture.split_at_mut(LUMA);
                luma.fill(BLACK);
                chroma.fill(128);
            }
            false => self.draw(unix_millis),
        }
        &self.picture
    }

    /// Lets a picture pass that nobody gets.
    pub(super) fn miss(&mut self) {
        self.taken += 1;
    }

    fn draw(&mut self, unix_millis: u64) {
        self.picture.copy_from_slice(&self.background);
        let mut canvas = Canvas(&mut self.picture[..LUMA]);
        let number = format!("#{:06}", self.taken % 1_000_000);
        canvas.write(&self.name, Point::new(8, 18));
        canvas.write(&time_of_day(unix_millis), Point::new(8, 42));
        canvas.write(&number, Point::new(WIDTH as i32 - 78, 42));
        canvas.ball(self.taken);
        FrameCode::at(self.source, self.taken, unix_millis).draw(&mut self.picture[..LUMA]);
    }
}

/// The brightness plane of a picture.
struct Canvas<'a>(&'a mut [u8]);

impl Canvas<'_> {
    fn write(&mut self, text: &str, baseline: Point) {
        let style = MonoTextStyle::new(&FONT_10X20, Gray8::new(WHITE));
        let Ok(_) = Text::new(text, baseline, style).draw(self);
    }

    /// Runs to and fro, and once across in 64 pictures.
    fn ball(&mut self, taken: u64) {
        let track = WIDTH as i32 - BALL;
        let step = (taken % 128) as i32;
        let left = step.min(128 - step) * track / 64;
        let ball = Circle::new(Point::new(left, TRACK_TOP), BALL.cast_unsigned());
        let Ok(()) = ball
            .into_styled(PrimitiveStyle::with_fill(Gray8::new(WHITE)))
            .draw(self);
    }
}

impl OriginDimensions for Canvas<'_> {
    fn size(&self) -> Size {
        Size::new(WIDTH as u32, HEIGHT as u32)
    }
}

impl DrawTarget for Canvas<'_> {
    type Color = Gray8;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Gray8>>>(
        &mut self,
        pixels: I,
    ) -> Result<(), Infallible> {
        for Pixel(Point { x, y }, colour) in pixels {
            if let (Ok(x @ 0..WIDTH), Ok(y @ 0..HEIGHT)) = (usize::try_from(x), usize::try_from(y))
            {
                self.0[y * WIDTH + x] = colour.luma();
            }
        }
        Ok(())
    }
}

/// Everything that does not move.
fn background() -> Vec<u8> {
    let mut picture = vec![BLACK; LUMA];
    picture.resize(LUMA + 2 * CHROMA, 128);
    let (luma, chroma) = picture.split_at_mut(LUMA);
    let (blue, red) = chroma.split_at_mut(CHROMA);
    for column in 0..WIDTH {
        let [y, cb, cr] = BARS[column * BARS.len() / WIDTH];
        for row in BAR_ROWS {
            luma[row * WIDTH + column] = y;
            let place = row / 2 * (WIDTH / 2) + column / 2;
            (blue[place], red[place]) = (cb, cr);
        }
        for row in RAMP_ROWS {
            luma[row * WIDTH + column] =
                BLACK + (column * usize::from(WHITE - BLACK) / WIDTH) as u8;
        }
    }
    picture
}

/// Universal time, to the millisecond.
fn time_of_day(unix_millis: u64) -> String {
    let seconds = unix_millis / 1000;
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
        unix_millis % 1000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINE: PictureFaults = PictureFaults {
        stall: false,
        freeze: false,
        black: false,
        drop_one_in: None,
    };

    #[test]
    fn pictures_have_the_size_of_the_canvas_and_differ() {
        let mut camera = Camera::new(1, "a name far too long for one line of the picture");
        let first = camera.take(45_296_789, FINE).to_vec();
        assert_eq!(first.len(), WIDTH * HEIGHT * 3 / 2);
        assert_ne!(camera.take(45_296_789, FINE), first);
        assert_eq!(time_of_day(45_296_789), "12:34:56.789");
    }

    #[test]
    fn frozen_picture_stays_until_the_fault_is_over() {
        let mut camera = Camera::new(1, "helo");
        let first = camera.take(1, FINE).to_vec();
        let frozen = PictureFaults {
            freeze: true,
            ..FINE
        };
        assert_eq!(camera.take(2, frozen), first);
        assert_ne!(camera.take(3, FINE), first);
    }

    #[test]
    fn black_picture_has_no_mark() {
        let mut camera = Camera::new(1, "helo");
        let black = PictureFaults {
            black: true,
            ..FINE
        };
        let picture = camera.take(1, black);
        assert!(picture[..LUMA].iter().all(|luma| *luma == BLACK));
        assert!(picture[LUMA..].iter().all(|chroma| *chroma == 128));
    }

    #[test]
    fn every_third_picture_repeats_the_one_before() {
        let mut camera = Camera::new(1, "helo");
        let losing = PictureFaults {
            drop_one_in: Some(3),
            ..FINE
        };
        let taken: Vec<Vec<u8>> = (0..6).map(|at| camera.take(at, losing).to_vec()).collect();
        assert_eq!(taken[1], taken[2]);
        assert_eq!(taken[4], taken[5]);
        assert!(taken[0] != taken[1] && taken[2] != taken[3] && taken[3] != taken[4]);
    }
}
