package imageio

func isWebP([]byte) bool { return false }
func isPPM([]byte) bool  { return false }

func webpInfo(s *source, _ Rule) (Info, error) { return Info{}, unsupported(WebP, "", "") }
func gifInfo(s *source, _ Rule) (Info, error)  { return Info{}, unsupported(WebP, "", "") }
func bmpInfo(s *source, _ Rule) (Info, error)  { return Info{}, unsupported(WebP, "", "") }
func tiffInfo(s *source, _ Rule) (Info, error) { return Info{}, unsupported(WebP, "", "") }
func icoInfo(s *source, _ Rule) (Info, error)  { return Info{}, unsupported(WebP, "", "") }
func ppmInfo(s *source, _ Rule) (Info, error)  { return Info{}, unsupported(WebP, "", "") }

func decodeWebP(b []byte, i Info, rule Rule) (*Picture, error) { return nil, nil }
func decodeGIF(b []byte, i Info, rule Rule) (*Picture, error)  { return nil, nil }
func decodeBMP(b []byte, i Info, rule Rule) (*Picture, error)  { return nil, nil }
func decodeTIFF(b []byte, i Info, rule Rule) (*Picture, error) { return nil, nil }
func decodePPM(b []byte, i Info, rule Rule) (*Picture, error)  { return nil, nil }
func decodeICO(b []byte, i Info, rule Rule) (*Picture, error)  { return nil, nil }
