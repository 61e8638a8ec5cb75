package subscriptions

import (
	"slices"
	"testing"
)

func TestChannelsAreThoseSelected(t *testing.T) {
	s := Subscription{Query: `<QueryList>
	  <Query Id="0" Path="Security"><Select>*</Select><Suppress Path="Application">*</Suppress></Query>
	  <Query Id="1"><Select Path=" Microsoft-Windows-Sysmon/Operational ">*</Select><Select Path="security">*</Select></Query>
	</QueryList>`}
	if got, want := s.Channels(), []string{"Security", "Microsoft-Windows-Sysmon/Operational"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
