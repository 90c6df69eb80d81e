// Package palette has the colours in which things are drawn: on paper, on pages and in films.
package palette

import "image/color"

// Colours are those of [okabe2008], some darker, which those who see few colours tell apart. Each
// comes with a dash, a hatch, a number or a word.
//
// References:
//
//	[okabe2008]  Masataka Okabe and Kei Ito. Color Universal Design (CUD): How to
//	             Make Figures and Presentations That Are Friendly to Colorblind
//	             People. 2008.
var Colours = []color.RGBA{
	{0x00, 0x72, 0xb2, 255},
	{0xd5, 0x5e, 0x00, 255},
	{0x00, 0x9e, 0x73, 255},
	{0xb8, 0x56, 0x8f, 255},
	{0xb8, 0x7f, 0x00, 255},
	{0x3c, 0x9b, 0xd0, 255},
	{0x7a, 0x70, 0x00, 255},
	{0x44, 0x44, 0x44, 255},
}

// Right and Wrong are answers.
var (
	Right = Colours[0]
	Wrong = Colours[1]
)

// Text on white, what matters less, lines, and areas.
var (
	Text  = color.RGBA{0x1b, 0x1f, 0x24, 255}
	Soft  = color.RGBA{0x57, 0x60, 0x6a, 255}
	Line  = color.RGBA{0xd5, 0xda, 0xe0, 255}
	Panel = color.RGBA{0xf0, 0xf2, 0xf5, 255}
)
