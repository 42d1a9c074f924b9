package server

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Proxies are addresses and networks.
type Proxies []netip.Prefix

// UnmarshalYAML reads a list, or one.
func (p *Proxies) UnmarshalYAML(n *yaml.Node) (err error) {
	var all []string
	if n.Kind == yaml.ScalarNode {
		all = []string{n.Value}
	} else if err := n.Decode(&all); err != nil {
		return err
	}
	if *p, err = parseProxies(all); err != nil {
		return fmt.Errorf("line %d: trusted_proxies: %w", n.Line, err)
	}
	return nil
}

func parseProxies(texts []string) (all Proxies, err error) {
	for _, text := range texts {
		text = strings.TrimSpace(text)
		network, err := netip.ParsePrefix(text)
		if err != nil {
			address, failed := netip.ParseAddr(text)
			if failed != nil {
				return nil, fmt.Errorf("%.80q is neither an address nor a network as 10.0.0.0/8", text)
			}
			address = address.Unmap()
			network = netip.PrefixFrom(address, address.BitLen())
		}
		all = append(all, network.Masked())
	}
	return all, nil
}

func (p Proxies) trust(a netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(a) })
}

// addressOf parses an address that may have a port.
func addressOf(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap(), true
	}
	a, err := netip.ParseAddr(text)
	return a.Unmap(), err == nil
}

// forwarded makes the client's address the one that trusted proxies say: the last in X-Forwarded-For that is none of theirs. What
// stands before that one anybody may have written.
func forwarded(next http.Handler, trusted Proxies) http.Handler {
	if len(trusted) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		from, known := addressOf(r.RemoteAddr)
		for i := len(hops) - 1; i >= 0 && known && trusted.trust(from); i-- {
			if from, known = addressOf(hops[i]); known {
				r.RemoteAddr = from.String()
			}
		}
		next.ServeHTTP(w, r)
	})
}
