// Package sign signs the list of what is in a bundle, and says whose signature a list bears: DSSE envelopes
// (github.com/secure-systems-lab/dsse, version 1.0.2) over in-toto statements.
package sign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"strings"

	"github.com/gravitee-lab/gio/internal/fault"
)

// Key verifies signatures, and makes them where its private half is known. The private half is inside a function, so that no way of
// printing a key shows it.
type Key struct {
	name   string
	id     string
	public []byte // PKIX, DER
	verify func(message, signature []byte) bool
	sign   func(message []byte) ([]byte, error) // nil for a public key
}

// ParseKey reads a key from PEM: a private one in PKCS#8, or a public one in PKIX; Ed25519, or ECDSA on P-256 or P-384. The name is
// for people; envelopes name keys by ID. Every fault is "signing-key", of kind Invalid, and shows nothing of the text.
func ParseKey(name string, text []byte) (Key, error) {
	block, rest := pem.Decode(text)
	if block == nil {
		return Key{}, badKey(name, "it is not PEM")
	}
	if more, _ := pem.Decode(rest); more != nil {
		return Key{}, badKey(name, "it holds more than one PEM block")
	}
	switch block.Type {
	case "PRIVATE KEY":
		private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return Key{}, badKey(name, "its PKCS#8 cannot be read")
		}
		return privateKey(name, private)
	case "PUBLIC KEY":
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return Key{}, badKey(name, "its PKIX cannot be read")
		}
		return publicKey(name, public)
	case "ENCRYPTED PRIVATE KEY":
		return Key{}, badKey(name, "it is encrypted").Hint("openssl pkcs8 -in FILE -out PLAIN decrypts it: protect the file by its permissions")
	}
	return Key{}, badKey(name, "%s is not a kind of PEM that gio reads", kindOf(block)).
		Hint("openssl pkcs8 -topk8 -nocrypt -in FILE converts older private keys, openssl pkey -pubin public ones")
}

func badKey(name, format string, args ...any) *fault.Fault {
	f := fault.New(fault.Invalid, "signing-key", "the signing key %q cannot be used: "+format, append([]any{name}, args...)...)
	return f.Hint("openssl genpkey -algorithm ed25519 makes one, openssl pkey -pubout its public half")
}

// kindOf names the type of a PEM block, which could be anything.
func kindOf(block *pem.Block) string {
	if len(block.Type) > 40 || strings.ContainsFunc(block.Type, func(r rune) bool { return (r < 'A' || r > 'Z') && r != ' ' }) {
		return "this"
	}
	return block.Type
}

func privateKey(name string, private any) (Key, error) {
	signer, ok := private.(crypto.Signer)
	if !ok {
		return Key{}, badKey(name, "it is neither Ed25519 nor ECDSA")
	}
	k, err := publicKey(name, signer.Public())
	if err != nil {
		return Key{}, err
	}
	hash := hashOf(signer.Public())
	k.sign = func(message []byte) ([]byte, error) {
		// Without a source of chance ECDSA is that of RFC 6979: the same list has the same signature.
		return signer.Sign(nil, digest(hash, message), hash)
	}
	return k, nil
}

func publicKey(name string, public any) (Key, error) {
	k := Key{name: name}
	switch public := public.(type) {
	case ed25519.PublicKey:
		k.verify = func(message, signature []byte) bool { return ed25519.Verify(public, message, signature) }
	case *ecdsa.PublicKey:
		hash := hashOf(public)
		if hash == 0 {
			return Key{}, badKey(name, "it is ECDSA on %s, not on P-256 or P-384", public.Params().Name)
		}
		k.verify = func(message, signature []byte) bool {
			return ecdsa.VerifyASN1(public, digest(hash, message), signature)
		}
	default:
		return Key{}, badKey(name, "it is neither Ed25519 nor ECDSA")
	}
	var err error
	if k.public, err = x509.MarshalPKIXPublicKey(public); err != nil {
		return Key{}, badKey(name, "its public half cannot be written").Because(err)
	}
	sum := sha256.Sum256(k.public)
	k.id = hex.EncodeToString(sum[:])
	return k, nil
}

// hashOf returns the hash that is as strong as a key's curve; 0 for Ed25519, which hashes by itself, and for curves not in use.
func hashOf(public any) crypto.Hash {
	if ec, ok := public.(*ecdsa.PublicKey); ok {
		switch ec.Curve {
		case elliptic.P256():
			return crypto.SHA256
		case elliptic.P384():
			return crypto.SHA384
		}
	}
	return 0
}

func digest(hash crypto.Hash, message []byte) []byte {
	if hash == 0 {
		return message
	}
	h := hash.New()
	h.Write(message)
	return h.Sum(nil)
}

// Name returns the name that ParseKey got.
func (k Key) Name() string { return k.name }

// ID returns the SHA-256 of the public key in PKIX (DER), in hex. It is an envelope's keyid.
func (k Key) ID() string { return k.id }

// CanSign tells whether the private half is known.
func (k Key) CanSign() bool { return k.sign != nil }

// Public returns the public half, in PEM, which anybody may know.
func (k Key) Public() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.public})
}
