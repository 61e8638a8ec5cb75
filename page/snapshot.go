package page

import "time"

// Snapshot is what the page shows: a moment of one node.
type Snapshot struct {
	Now           time.Time
	Version, Node string
	Started       time.Time

	Status   string    // ok | degraded | unready
	Troubles []Trouble // why it is not ok, the worst first

	EventsPerSecond []float64 // over the past hour, oldest first, a sample each Step
	LatencySeconds  []float64 // of batches, from the request to the acknowledgement; the mean of each Step
	Step            time.Duration
	Published, Dead uint64

	States        []Count // hosts by state, in the order of States
	Hosts         []Host  // a part of them
	Found         int     // of those that the search finds
	Search, State string  // as the reader asked
	Refresh       int     // seconds until the reader wants it anew; 0 = not by itself
	After, Next   string  // name behind which the part begins, and the next; "" = at the beginning, none

	Subscriptions []Subscription
	Refusals      []Refusal // newest first
	Certificates  []Certificate
	Keys          []Key
	Listeners     []Listener
	Kafka         Kafka
	Store         Store
}

// Trouble is something that is not well, and the cure.
type Trouble struct{ What, Text, Cure string }

// Count is how many hosts are in a state.
type Count struct {
	State string
	Hosts int
}

// Host is one line of the list.
type Host struct {
	Name, State, Auth, Address, Subscriptions string
	LastHeard, LastEvent                      time.Time
}

// Subscription is one line of its table.
type Subscription struct {
	Name, Topic, Format string
	Enabled             bool
	Active, Hosts       int
	Events, Dead        uint64
	LastEvent           time.Time
}

// Refusal is one refused request.
type Refusal struct {
	Time                      time.Time
	Source, Address, Listener string // Source "" = nobody that we know
	Status                    int
	Reason, Message, Remedy   string
}

// Certificate is one of ours, or an authority that we trust.
type Certificate struct {
	Role, Name string
	NotAfter   time.Time
}

// Key is one entry of a keytab.
type Key struct {
	Principal, Etype string
	KVNO             int
}

// Listener is one address that hosts connect to.
type Listener struct {
	Name, Address, Auth string
	Connections         int
}

// Kafka is how the cluster takes our records.
type Kafka struct {
	Circuit  string // closed | half_open | open
	LastAck  time.Time
	Oldest   time.Duration // of what is not acknowledged yet
	Buffered int64         // bytes
	Capacity int64         // bytes
}

// Store is where bookmarks are kept.
type Store struct {
	Backend string
	Ready   bool
	Lag     time.Duration
}
