package page

import (
	"fmt"
	"html/template"
	"strings"
)

const (
	sparkWidth  = 360
	sparkHeight = 56
)

// spark draws samples as one SVG curve over a filled area; the highest touches the top. Fewer than two samples are a base line.
func spark(samples []float64, name string) template.HTML {
	top := 0.0
	for _, s := range samples {
		top = max(top, s)
	}
	var line strings.Builder
	for i, s := range samples {
		x, y := float64(sparkWidth), float64(sparkHeight-2)
		if len(samples) > 1 {
			x *= float64(i) / float64(len(samples)-1)
		}
		if top > 0 {
			y -= s / top * (sparkHeight - 4)
		}
		fmt.Fprintf(&line, "%.1f,%.1f ", x, y)
	}
	points := strings.TrimSpace(line.String())
	if len(samples) < 2 {
		points = fmt.Sprintf("0,%d %d,%d", sparkHeight-2, sparkWidth, sparkHeight-2)
	}
	return template.HTML(fmt.Sprintf(`<svg class="spark" viewBox="0 0 %d %d" preserveAspectRatio="none" role="img" aria-label="%s"><polygon points="0,%d %s %d,%d"/><polyline points="%s"/></svg>`,
		sparkWidth, sparkHeight, template.HTMLEscapeString(name), sparkHeight, points, sparkWidth, sparkHeight, points))
}
