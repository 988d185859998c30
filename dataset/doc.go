// Package dataset reads datasets of pictures and texts in every layout they are
// shared in, and writes them back.
//
//	d, err := dataset.Open("lora_dataset")          // a folder, an archive or one file
//	for s, err := range d.All(ctx) {
//		if err != nil {
//			log.Print(err) // one bad sample: the next ones still come
//			continue
//		}
//		fmt.Println(s.ID, s.Text(), len(s.Images()))
//	}
//
// A [Sample] is an ordered list of columns; its text and its pictures are views on
// them. A [Image] says where a picture is and opens it when asked, so that a
// dataset of any size streams through little memory.
//
// # What is read
//
//   - JSON lines, JSON (an array, an object of columns, rows under a field), CSV,
//     TSV and text files, by the rules of Hugging Face's datasets library;
//   - Parquet, with pictures inside or named by path;
//   - folders and zip archives of pictures, with metadata.csv, .jsonl or .parquet,
//     with class folders, or with a caption file (a.txt) beside each picture;
//   - WebDataset: tar archives, plain or gzipped;
//   - ModelScope's older formation: a JSON file, CSV files and a zip archive;
//   - Arrow files and save_to_disk folders, once the module
//     github.com/easel-go/easel/dataset/arrow is imported.
//
// Which file belongs to which split follows the same library: the configs of a
// README, then sharded names below data/, then folder names, then file names.
//
// # What is refused
//
// A file that is damaged as a whole (cut JSON, a parquet file without its footer,
// an archive with a name that leaves it) is an error of [Open], or of the row where
// the damage shows; never are there fewer rows in silence. A picture that is
// missing, damaged or too large is an error of its sample alone. Nothing is ever
// written by reading, and no archive is unpacked to disk.
package dataset
