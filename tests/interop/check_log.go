// Reads a log folder written by this project with the reference implementation of the formats,
// golang.org/x/mod/sumdb, checks it, and answers with the same proofs made by that implementation.
//
//	check_log FOLDER < question.json > answer.json
//
// Any disagreement ends the program with a message.
package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type inclusion struct {
	Index int64
	Leaf  []byte
	Proof tlog.RecordProof
}

type consistency struct {
	Old   int64
	Root  tlog.Hash
	Proof tlog.TreeProof
}

type question struct {
	Inclusion   []inclusion
	Consistency []consistency
	Secret      string // a note signer in Go's form
}

type answer struct {
	Root        tlog.Hash
	Inclusion   []tlog.RecordProof
	Consistency []tlog.TreeProof
	OldRoots    []tlog.Hash
	Note        string // the checkpoint signed anew by Go
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// files reads tiles at their C2SP paths, which lack the height.
type files struct{ root string }

func (f files) Height() int                         { return 8 }
func (f files) SaveTiles(_ []tlog.Tile, _ [][]byte) {}

func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var contents [][]byte
	for _, tile := range tiles {
		path := "tile/" + strings.TrimPrefix(tile.Path(), "tile/8/")
		content, err := os.ReadFile(filepath.Join(f.root, path))
		if err != nil {
			return nil, err
		}
		contents = append(contents, content)
	}
	return contents, nil
}

func read(root, name string) []byte {
	content, err := os.ReadFile(filepath.Join(root, name))
	must(err)
	return content
}

// openCheckpoint verifies the note and reads its three lines.
func openCheckpoint(root string) (tlog.Tree, string) {
	verifier, err := note.NewVerifier(string(read(root, "vkey")))
	must(err)
	opened, err := note.Open(read(root, "checkpoint"), note.VerifierList(verifier))
	must(err)
	var tree tlog.Tree
	var hash string
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		log.Fatalf("no checkpoint: %q", opened.Text)
	}
	_, err = fmt.Sscan(lines[1]+" "+lines[2], &tree.N, &hash)
	must(err)
	tree.Hash, err = tlog.ParseHash(hash)
	must(err)
	return tree, opened.Text
}

// checkBundles compares every leaf in the entry bundles with the leaf hashes of the tree.
func checkBundles(root string, size int64, hashes tlog.HashReader) {
	var index int64
	for n := int64(0); index < size; n++ {
		tile := tlog.Tile{H: 8, L: -1, N: n, W: 256}
		if left := size - index; left < 256 {
			tile.W = int(left)
		}
		rest := read(root, "tile/entries/"+strings.TrimPrefix(tile.Path(), "tile/8/data/"))
		var leaves []tlog.Hash
		var places []int64
		for ; len(rest) > 0; index++ {
			length := int(binary.BigEndian.Uint16(rest))
			leaves = append(leaves, tlog.RecordHash(rest[2:2+length]))
			places = append(places, tlog.StoredHashIndex(0, index))
			rest = rest[2+length:]
		}
		stored, err := hashes.ReadHashes(places)
		must(err)
		for i, leaf := range leaves {
			if stored[i] != leaf {
				log.Fatalf("leaf %d of bundle %d does not hash to its tile", i, n)
			}
		}
	}
	if index != size {
		log.Fatalf("%d leaves in the bundles, %d in the tree", index, size)
	}
}

func main() {
	log.SetFlags(0)
	root := os.Args[1]
	var asked question
	must(json.NewDecoder(os.Stdin).Decode(&asked))
	tree, text := openCheckpoint(root)
	hashes := tlog.TileHashReader(tree, files{root})

	var given answer
	var err error
	given.Root, err = tlog.TreeHash(tree.N, hashes)
	must(err)
	checkBundles(root, tree.N, hashes)
	for _, one := range asked.Inclusion {
		must(tlog.CheckRecord(one.Proof, tree.N, tree.Hash, one.Index, tlog.RecordHash(one.Leaf)))
		proof, err := tlog.ProveRecord(tree.N, one.Index, hashes)
		must(err)
		given.Inclusion = append(given.Inclusion, proof)
	}
	for _, one := range asked.Consistency {
		must(tlog.CheckTree(one.Proof, tree.N, tree.Hash, one.Old, one.Root))
		proof, err := tlog.ProveTree(tree.N, one.Old, hashes)
		must(err)
		old, err := tlog.TreeHash(one.Old, hashes)
		must(err)
		given.Consistency = append(given.Consistency, proof)
		given.OldRoots = append(given.OldRoots, old)
	}
	signer, err := note.NewSigner(asked.Secret)
	must(err)
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	must(err)
	given.Note = string(signed)
	must(json.NewEncoder(os.Stdout).Encode(given))
}
