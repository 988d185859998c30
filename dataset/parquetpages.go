package dataset

import (
	"bufio"
	"io"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

const (
	maxPage       = 1 << 30 // bytes of a page, unpacked
	maxPageValues = 1 << 27
)

// checkPages reads the headers of a row group's pages before the library reads the
// pages themselves. It refuses what the library takes for granted: pages of unknown
// type or in the wrong order, pages that reach beyond their column, and sizes that no
// honest page has.
func checkPages(r io.ReaderAt, size int64, g *format.RowGroup) error {
	for i := range g.Columns {
		if err := checkColumn(r, size, &g.Columns[i].MetaData); err != nil {
			return err
		}
	}
	return nil
}

func checkColumn(r io.ReaderAt, size int64, m *format.ColumnMetaData) error {
	at := m.DataPageOffset
	if m.DictionaryPageOffset > 0 {
		at = min(at, m.DictionaryPageOffset)
	}
	end := at + m.TotalCompressedSize
	if at < 4 || m.TotalCompressedSize < 0 || end > size || m.NumValues < 0 {
		return fail(Invalid, "", "column %v lies at %d to %d of a file of %d bytes", m.PathInSchema, at, end, size)
	}
	values := int64(0)
	for first := true; at < end && values < m.NumValues; first = false {
		h, n, err := readPageHeader(r, at, end)
		if err != nil {
			return err
		}
		v, err := pageValues(h, first)
		if err != nil {
			return err
		}
		values += v
		if at += n + int64(h.CompressedPageSize); at > end {
			return fail(Truncated, "", "a page of column %v ends %d bytes behind it", m.PathInSchema, at-end)
		}
	}
	if values != m.NumValues {
		return fail(Truncated, "", "the pages of column %v hold %d values, want %d", m.PathInSchema, values, m.NumValues)
	}
	return nil
}

// readPageHeader reads the header at a place, and its length.
func readPageHeader(r io.ReaderAt, at, end int64) (*format.PageHeader, int64, error) {
	section := &countReader{r: io.NewSectionReader(r, at, end-at)}
	buf := bufio.NewReaderSize(section, 512)
	var p thrift.CompactProtocol
	h := new(format.PageHeader)
	if err := thrift.NewDecoder(p.NewReader(buf)).Decode(h); err != nil {
		return nil, 0, failed(Invalid, "", err)
	}
	if h.CompressedPageSize < 0 || h.UncompressedPageSize < 0 {
		return nil, 0, fail(Invalid, "", "a page of %d bytes", min(h.CompressedPageSize, h.UncompressedPageSize))
	}
	if h.UncompressedPageSize > maxPage {
		return nil, 0, fail(Limit, "", "a page of %d bytes, want at most %d", h.UncompressedPageSize, maxPage)
	}
	return h, section.n - int64(buf.Buffered()), nil
}

// pageValues returns how many values a data page holds, 0 for a dictionary, which
// comes first or not at all.
func pageValues(h *format.PageHeader, first bool) (int64, error) {
	n := int64(0)
	switch {
	case h.Type == format.DictionaryPage && first && h.DictionaryPageHeader.Valid:
		n = int64(h.DictionaryPageHeader.V.NumValues)
		if n < 0 || n > maxPageValues {
			return 0, fail(Limit, "", "a dictionary of %d values", n)
		}
		return 0, nil
	case h.Type == format.DataPage && h.DataPageHeader.Valid:
		n = int64(h.DataPageHeader.V.NumValues)
	case h.Type == format.DataPageV2 && h.DataPageHeaderV2.Valid:
		n = int64(h.DataPageHeaderV2.V.NumValues)
	default:
		return 0, fail(Invalid, "", "a page of type %v in the wrong place", h.Type)
	}
	if n < 0 || n > maxPageValues {
		return 0, fail(Limit, "", "a page of %d values, want at most %d", n, maxPageValues)
	}
	return n, nil
}
