//! A mark in the picture that a program can read: which encoder made it, its number, and when.
//!
//! A row of 56 black and white cells near the lower edge. Encoding, scaling and decoding leave it
//! readable; a damaged mark is recognised by its checksum and is no mark. Reading the text in the
//! picture instead would need character recognition for nothing.

/// Width of the canvas that pictures are drawn on, in pixels.
pub const WIDTH: usize = 320;
/// Height of that canvas.
pub const HEIGHT: usize = 180;
/// Cells of a mark.
pub const CELLS: usize = 56;
/// Rows of the canvas to keep clear of anything else.
pub const ROWS: std::ops::Range<usize> = 162..176;

const CELL: usize = 5;
const LEFT: usize = 20;
const BLACK: u8 = 16;
const WHITE: u8 = 235;

/// What a mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameCode {
    /// Which encoder made the picture.
    pub source: u8,
    /// Number of the picture, counted by its encoder from its start.
    pub frame: u16,
    /// When the picture was made: milliseconds since the Unix epoch, modulo [`FrameCode::WRAP`].
    pub millis: u32,
}

impl FrameCode {
    /// Where [`millis`](Self::millis) begins anew: 4.66 hours.
    pub const WRAP: u32 = 1 << 24;

    /// The mark of a picture made at that time.
    pub const fn at(source: u8, frame: u64, unix_millis: u64) -> Self {
        Self {
            source,
            frame: (frame % (1 << 16)) as u16,
            millis: (unix_millis % Self::WRAP as u64) as u32,
        }
    }

    /// Draws the mark on the brightness plane of a canvas, row by row.
    ///
    /// # Panics
    /// When the plane is smaller than [`WIDTH`] times [`HEIGHT`].
    pub fn draw(self, luma: &mut [u8]) {
        let bits = self.bits();
        for row in ROWS {
            let line = &mut luma[row * WIDTH..(row + 1) * WIDTH];
            line.fill(BLACK);
            for place in (0..CELLS).filter(|place| bits >> place & 1 == 1) {
                let left = LEFT + place * CELL;
                line[left..left + CELL].fill(WHITE);
            }
        }
    }

    /// Reads the brightness of the cells; `None` when that is no whole mark.
    pub fn read(cells: &[u8; CELLS]) -> Option<Self> {
        let places = cells.iter().enumerate();
        let bits = places.fold(0_u64, |bits, (place, cell)| {
            bits | u64::from(*cell >= 128) << place
        });
        let code = Self {
            source: bits as u8,
            frame: (bits >> 8) as u16,
            millis: (bits >> 24) as u32 & (Self::WRAP - 1),
        };
        (code.bits() == bits).then_some(code)
    }

    fn bits(self) -> u64 {
        let content = u64::from(self.source)
            | u64::from(self.frame) << 8
            | u64::from(self.millis % Self::WRAP) << 24;
        content | u64::from(checksum(content)) << 48
    }
}

/// Not zero for an all black mark, so that a black picture has none.
fn checksum(content: u64) -> u8 {
    let bytes = content.to_le_bytes().into_iter().take(6);
    bytes.fold(0x5a_u8, |sum, byte| {
        sum.rotate_left(3) ^ byte.wrapping_mul(0x1d)
    })
}

/// The filter by which ffmpeg reduces a picture of any size to the cells of its mark, one byte of
/// brightness each.
pub fn filter() -> String {
    let (middle, width) = (ROWS.start + ROWS.len() / 2, CELLS * CELL);
    format!(
        "scale={WIDTH}:{HEIGHT}:flags=area,format=gray,crop={width}:4:{LEFT}:{},\
         scale={CELLS}:1:flags=area",
        middle - 2
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(luma: &[u8]) -> [u8; CELLS] {
        let row = ROWS.start + ROWS.len() / 2;
        std::array::from_fn(|place| luma[row * WIDTH + LEFT + place * CELL + CELL / 2])
    }

    #[test]
    fn drawn_mark_reads_back() {
        let mut luma = vec![128; WIDTH * HEIGHT];
        for (source, frame, millis) in [
            (0, 0, 0),
            (3, 41, 1_764_100_000_123),
            (255, 65_537, u64::MAX),
        ] {
            let code = FrameCode::at(source, frame, millis);
            code.draw(&mut luma);
            assert_eq!(FrameCode::read(&cells(&luma)), Some(code));
        }
    }

    #[test]
    fn damaged_black_and_white_pictures_have_no_mark() {
        let mut luma = vec![0; WIDTH * HEIGHT];
        assert_eq!(FrameCode::read(&[0; CELLS]), None);
        assert_eq!(FrameCode::read(&[255; CELLS]), None);
        FrameCode::at(7, 1234, 567_890).draw(&mut luma);
        for place in 0..CELLS {
            let mut damaged = cells(&luma);
            damaged[place] = !damaged[place];
            assert_eq!(FrameCode::read(&damaged), None, "cell {place}");
        }
    }
}
