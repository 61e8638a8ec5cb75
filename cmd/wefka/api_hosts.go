package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/hosts"
	"github.com/wefka/wefka/output/producer"
	"github.com/wefka/wefka/subscriptions"
)

// watchHosts gives the Book its eyes and ears.
func (h *house) watchHosts() {
	h.hosts.ForgetAfter = h.config.State.ForgetAfter.Duration()
	spaces := sync.Pool{New: func() any { return new([]subscriptions.Standing) }}
	h.hosts.Streams = func(into []hosts.Stream, source string) []hosts.Stream {
		space := spaces.Get().(*[]subscriptions.Standing)
		defer spaces.Put(space)
		*space = h.manager.Standings((*space)[:0], source)
		for _, s := range *space {
			into = append(into, hosts.Stream{Subscription: s.Name, State: hosts.State(s.Liveness), Version: s.Version, Current: s.Current,
				FirstSeen: s.FirstSeen, LastEvents: s.LastEvents, LastHeard: s.LastHeard, Enumerated: s.Enumerated})
		}
		return into
	}
	h.manager.Observer = h.hosts
	h.sink.kafka.Load().Delivered = h.hosts.Delivered
}

// hostList is what GET /api/v1/hosts answers.
type hostList struct {
	Hosts []hostAnswer `json:"hosts"`
	Next  string       `json:"next,omitempty"`
}

// hostAnswer is one host; what is below Refusals is given for one that was asked for by its name.
type hostAnswer struct {
	Source              string         `json:"source"`
	State               hosts.State    `json:"state"` // the liveliest of its subscriptions
	Auth                string         `json:"auth,omitempty"`
	Issuer              string         `json:"issuer,omitempty"`
	Address             string         `json:"address,omitempty"`
	MachineID           string         `json:"machine_id,omitempty"`
	Node                string         `json:"node,omitempty"`
	CertificateNotAfter *time.Time     `json:"certificate_not_after,omitempty"`
	LastEnumerate       *time.Time     `json:"last_enumerate,omitempty"`
	Subscriptions       []streamAnswer `json:"subscriptions"`

	Refusals []refusalAnswer `json:"refusals,omitempty"`
	Detail   *hostDetail     `json:"detail,omitempty"`
}

type streamAnswer struct {
	Name      string      `json:"name"`
	State     hosts.State `json:"state"`
	Version   string      `json:"version,omitempty"`
	FirstSeen *time.Time  `json:"first_seen,omitempty"`
	LastEvent *time.Time  `json:"last_event,omitempty"`
	LastHeard *time.Time  `json:"last_heard,omitempty"`
}

type refusalAnswer struct {
	Time    time.Time `json:"time"`
	Count   int       `json:"count"`
	Status  int       `json:"status,omitempty"`
	Action  string    `json:"action"`
	Reason  string    `json:"reason"`
	Message string    `json:"message,omitempty"`
}

// hostDetail is what this node knows beyond that, since it started.
type hostDetail struct {
	Listener        string          `json:"listener,omitempty"`
	TicketEtype     string          `json:"ticket_etype,omitempty"`
	FirstSeen       *time.Time      `json:"first_seen,omitempty"`
	LastSeen        *time.Time      `json:"last_seen,omitempty"`
	LastHeartbeat   *time.Time      `json:"last_heartbeat,omitempty"`
	LastDelivery    *time.Time      `json:"last_delivery,omitempty"`
	NewestEvent     *time.Time      `json:"newest_event,omitempty"`
	ClockAheadSecs  float64         `json:"clock_ahead_seconds"`
	Events          uint64          `json:"events"`
	DeadLetters     int             `json:"dead_letters"`
	Dropped         int             `json:"dropped"`
	Mismatched      int             `json:"mismatched"`
	BookmarkIgnored int             `json:"bookmarks_ignored"`
	Cleared         int             `json:"log_clears"`
	Offered         int             `json:"offered"`
	Withheld        []string        `json:"withheld,omitempty"`
	SysmonVersion   string          `json:"sysmon_version,omitempty"`
	SysmonConfig    string          `json:"sysmon_config_hash,omitempty"`
	Channels        []channelAnswer `json:"channels,omitempty"`
	Forwarder       []reportAnswer  `json:"forwarder,omitempty"` // its own reports
}

type channelAnswer struct {
	Subscription string     `json:"subscription"`
	Channel      string     `json:"channel"`
	RecordID     uint64     `json:"record_id"`
	Newest       *time.Time `json:"newest,omitempty"`
	Gaps         int        `json:"gaps"`
}

type reportAnswer struct {
	Time         *time.Time `json:"time,omitempty"`
	Event        uint32     `json:"event"`
	Code         string     `json:"code,omitempty"`
	Subscription string     `json:"subscription,omitempty"`
	Message      string     `json:"message,omitempty"`
}

type explainAnswer struct {
	Source  string        `json:"source"`
	Verdict string        `json:"verdict"`
	Causes  []causeAnswer `json:"causes"`
}

type causeAnswer struct {
	Reason       string `json:"reason"`
	Evidence     string `json:"evidence"`
	WindowsEvent string `json:"windows_event"`
	Remedy       string `json:"remedy"`
}

const (
	defaultPage = 100
	largestPage = 1000
)

func (h *house) apiHosts(mux, local *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/hosts", h.listHosts)
	mux.HandleFunc("GET /api/v1/hosts/{source}", func(w http.ResponseWriter, r *http.Request) {
		host := h.hosts.Get(r.PathValue("source"))
		if host == nil {
			refuse(w, http.StatusNotFound, "no such host; explain says why it may not have come")
			return
		}
		answer(w, h.detailed(host))
	})
	mux.HandleFunc("GET /api/v1/hosts/{source}/explain", func(w http.ResponseWriter, r *http.Request) {
		answer(w, h.explain(r.Context(), r.PathValue("source")))
	})
	h.change(mux, local, "DELETE /api/v1/hosts/{source}", func(w http.ResponseWriter, r *http.Request) error {
		source := r.PathValue("source")
		if h.hosts.Get(source) == nil {
			refuse(w, http.StatusNotFound, "no such host")
			return errors.New("no such host")
		}
		err := h.manager.Forget(r.Context(), source)
		if err != nil {
			refuse(w, http.StatusInternalServerError, err.Error())
		}
		return err
	})
}

func (h *house) listHosts(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f := hosts.Filter{State: hosts.State(q.Get("state")), Subscription: q.Get("subscription"), Search: q.Get("search")}
	if f.State != "" && !slices.Contains(hosts.States, f.State) {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("state %.64q: use one of %v", f.State, hosts.States))
		return
	}
	limit := defaultPage
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > largestPage {
			refuse(w, http.StatusBadRequest, fmt.Sprintf("limit %.32q: 1 to %d", text, largestPage))
			return
		}
		limit = n
	}
	page, next := h.hosts.List(f, q.Get("after"), limit)
	list := hostList{Hosts: make([]hostAnswer, len(page)), Next: next}
	for i, host := range page {
		list.Hosts[i] = h.brief(host)
	}
	answer(w, list)
}

func (h *house) brief(host *hosts.Host) hostAnswer {
	a := hostAnswer{Source: host.Source, State: host.State, Auth: host.Auth, Issuer: host.Issuer, Address: addressText(host.Address), MachineID: host.Machine,
		CertificateNotAfter: known(host.CertificateNotAfter), LastEnumerate: known(host.LastEnumerate), Subscriptions: make([]streamAnswer, len(host.Streams))}
	if !host.Proven.IsZero() {
		a.Node = h.config.Node
	}
	for i, s := range host.Streams {
		a.Subscriptions[i] = streamAnswer{s.Subscription, s.State, strings.ToLower(s.Version), known(s.FirstSeen), known(s.LastEvents), known(s.LastHeard)}
	}
	return a
}

func (h *house) detailed(host *hosts.Host) hostAnswer {
	a := h.brief(host)
	for _, r := range host.Refusals {
		a.Refusals = append(a.Refusals, refusalAnswer{r.Time, r.Count, r.Status, r.Action, r.Reason, r.Message})
	}
	a.Detail = &hostDetail{Listener: host.Listener, TicketEtype: host.Etype, FirstSeen: known(host.FirstSeen), LastSeen: known(host.LastSeen),
		LastHeartbeat: known(host.LastHeartbeat), LastDelivery: known(host.LastDelivery), NewestEvent: known(host.NewestEvent), ClockAheadSecs: host.Skew.Seconds(),
		Events: host.Events, DeadLetters: host.DeadLetters.Count, Dropped: host.Dropped.Count, Mismatched: host.Mismatched.Count, BookmarkIgnored: host.BookmarkIgnored.Count,
		Cleared: host.Cleared.Count, Offered: host.Offered, Withheld: host.Withheld, SysmonVersion: host.SysmonVersion, SysmonConfig: host.SysmonConfig}
	for _, c := range host.Channels {
		a.Detail.Channels = append(a.Detail.Channels, channelAnswer{c.Subscription, c.Name, c.Record, known(c.Newest), c.Gaps})
	}
	for _, r := range host.Reports {
		a.Detail.Forwarder = append(a.Detail.Forwarder, reported(r))
	}
	return a
}

func reported(r events.Report) reportAnswer {
	return reportAnswer{known(r.Time), r.ID, r.Code, r.Subscription, r.Message}
}

// known is nil for no time, so that JSON leaves it out.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// lookupTimeout bounds what the name service may take of an explanation.
const lookupTimeout = 3 * time.Second

func (h *house) explain(ctx context.Context, name string) explainAnswer {
	facts := hosts.Facts{Kafka: h.kafkaTrouble()}
	for _, s := range h.manager.Subscriptions() {
		facts.Subscriptions = append(facts.Subscriptions, hosts.Policy{Name: s.Name, ID: s.ID, Enabled: s.Enabled})
	}
	for _, l := range h.listeners {
		facts.Listeners = append(facts.Listeners, hosts.Listener{Name: l.config.Name, Address: l.socket.Addr().String(), Auth: l.config.auth(), Advertise: l.config.Advertise})
	}
	e := h.hosts.Explain(name, facts)
	if _, err := netip.ParseAddr(name); err != nil && e.Unknown() { // the name service may know where it would come from
		account, _, _ := strings.Cut(name, "@") // PC-1$@REALM is PC-1 to the name service
		ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
		defer cancel()
		facts.Addresses, facts.Lookup = net.DefaultResolver.LookupNetIP(ctx, "ip", strings.TrimSuffix(account, "$"))
		for i := range facts.Addresses {
			facts.Addresses[i] = facts.Addresses[i].Unmap()
		}
		e = h.hosts.Explain(name, facts)
	}
	a := explainAnswer{Source: e.Source, Verdict: e.Verdict, Causes: []causeAnswer{}}
	for _, f := range e.Findings {
		a.Causes = append(a.Causes, causeAnswer{f.Cause.ID, f.Evidence, f.Cause.Windows, f.Cause.Remedy})
	}
	return a
}

// kafkaTrouble is why Kafka takes no events, as far as known.
func (h *house) kafkaTrouble() error {
	switch s := h.producer.Stats(); {
	case s.Outage != nil:
		return s.Outage
	case s.Circuit != producer.Closed:
		return errors.New("no acknowledgement since " + since(s.LastAck) + "; hosts are told to come again")
	}
	return nil
}

// auth names how hosts prove themselves on a listener.
func (l *ListenerConfig) auth() string {
	if l.Kerberos != nil {
		return "kerberos"
	}
	return "tls"
}
