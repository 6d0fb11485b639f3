package model

// What a text costs, guessed.
const (
	charsPerToken = 4    // text and markup run at four and more
	imageTokens   = 1500 // of a screenshot in the providers' own formulas, rounded up
)

// Estimate is about how many tokens a request has.
func Estimate(r Request) int64 {
	tokens := int64(len(r.System)+len(r.Schema.JSON)) / charsPerToken
	for _, m := range r.Messages {
		tokens += int64(len(m.Text)) / charsPerToken
		if len(m.JPEG) > 0 {
			tokens += imageTokens
		}
	}
	return tokens
}

// orEstimate fills in what a server did not count, so that budgets hold.
func (u Usage) orEstimate(q question, answer string) Usage {
	if u.InputTokens == 0 {
		u.InputTokens = Estimate(q.Request)
	}
	if u.OutputTokens == 0 && answer != "" {
		u.OutputTokens = int64(len(answer)/charsPerToken) + 1
	}
	return u
}
