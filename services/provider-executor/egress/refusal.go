package egress

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"syscall"

	"github.com/errand-run/errand/shared/netguard"
)

// Refusal is a host that a run asked for in vain.
type Refusal struct {
	Host   string
	Port   uint16
	Reason string // continues a sentence that begins with the host
	// Unreachable is true where the policy had nothing against it.
	Unreachable bool
}

// String is a sentence without its final dot.
func (r Refusal) String() string { return fmt.Sprintf("%s %s", endpoint{r.Host, r.Port}, r.Reason) }

var errDomain = errors.New("is not in the run's allowed_domains")

// explain says why there was no connection. It never tells an address: what a name means inside of the network is
// no business of a run.
func explain(to endpoint, err error) (r Refusal, class string) {
	r = Refusal{Host: to.host, Port: to.port}
	var blocked netguard.BlockedError
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.Is(err, errDomain):
		r.Reason = errDomain.Error()
		return r, "allowed_domains"
	case errors.As(err, &blocked):
		r.Reason = blocked.Error()
		return r, string(blocked.Class)
	case errors.As(err, &dns) && dns.IsNotFound:
		r.Reason = "has no address: the name does not exist"
	case errors.As(err, &dns):
		r.Reason = "has no address: the name could not be resolved"
	case errors.Is(err, syscall.ECONNREFUSED):
		r.Reason = "refuses connections"
	case errors.As(err, &timeout) && timeout.Timeout():
		r.Reason = "does not answer"
	case errors.Is(err, errTooMany), errors.Is(err, errOver), errors.Is(err, errPosing):
		r.Reason = "cannot be reached: " + err.Error()
	default:
		r.Reason = "cannot be reached, or ended the connection"
	}
	r.Unreachable = true
	return r, "unreachable"
}

// refuse answers a request that gets no connection.
func (p *Proxy) refuse(w http.ResponseWriter, to endpoint, err error) {
	if errors.Is(err, context.Canceled) {
		return // the browser does not want it any more
	}
	r, class := explain(to, err)
	p.notes.add(r, class)
	status := http.StatusForbidden
	if r.Unreachable {
		status = http.StatusBadGateway
	}
	http.Error(w, "Errand did not connect: "+r.String()+".", status)
}

const (
	maxNotes  = 20  // refusals between two calls of Refused; further ones are only counted
	maxLogged = 200 // different refusals of a run that are logged
)

// notes remembers what a run was refused.
type notes struct {
	counted func(class string)
	log     *slog.Logger

	mu     sync.Mutex
	recent []Refusal
	logged map[Refusal]bool
}

func (n *notes) add(r Refusal, class string) {
	n.counted(class)
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.recent) < maxNotes && !slices.Contains(n.recent, r) {
		n.recent = append(n.recent, r)
	}
	if r.Unreachable || n.logged[r] || len(n.logged) >= maxLogged {
		return
	}
	if n.logged == nil {
		n.logged = map[Refusal]bool{}
	}
	n.logged[r] = true
	n.log.Info("refused a connection", "host", r.Host, "port", r.Port, "reason", r.Reason)
}

func (n *notes) drain() []Refusal {
	n.mu.Lock()
	defer n.mu.Unlock()
	recent := n.recent
	n.recent = nil
	return recent
}
