package event

import "slices"

// Code is a row of the table of error codes: why a run ended without success.
type Code struct {
	Name    string // as it stands in Error.Code
	Meaning string // a sentence
	Remedy  string // what to do, a sentence
}

// CodeOther stands in figures for a code that the table does not have.
const CodeOther = "other"

// Codes lists every code that a run's error can have, sorted. docs/errors.md and the enum in the API document are made
// of it.
func Codes() []Code {
	return []Code{
		{"allowed_domains_unenforceable", "The remote browser at ERRAND_CDP_URL cannot be held to allowed_domains.", "Set ERRAND_PROXY_LISTEN to an address that it can reach, or leave allowed_domains out."},
		{"attempts_exhausted", "The run was lost three times to its infrastructure: an executor or a browser that died.", "See the executor's log, then start the run again."},
		{"budget_exceeded", "The next model call would have gone beyond the run's budget.", "Give it a larger budget, or a smaller task."},
		{"captcha", "A page asks for proof that a person is there.", "Do that part by hand, or use a site or an account that does not ask."},
		{"files_unavailable", "The files given to the run cannot be used by this executor.", "The message says what is missing; leave files out, or use an executor with a Chromium of its own."},
		{"goal_not_reached", "The agent says that it could not do the task.", "Read the message and the history; a clearer prompt or another model may do better."},
		{"internal_error", "A fault in Errand ended the run.", "Report it with the executor's log; the run is not started again by itself."},
		{"interrupted", "The run lost its executor, and could not go on without sending again what an earlier attempt has sent or may have sent.", "The message says what may have happened: look there, then start the run again if it is safe; on_interrupt retry has it sent again unseen."},
		{"invalid_allowed_domains", "allowed_domains cannot be read by the executor.", "Correct the entry that the message names."},
		{"invalid_output", "The model's answers were not in the form that was asked for.", "Try another model, or name one in fallbacks."},
		{"invalid_parameters", "A value for the cached workflow is none that its parameter takes.", "Correct the parameter that the message names."},
		{"invalid_request", "The provider refused the request as invalid.", "The message has the provider's words; check the model's name and limits."},
		{"invalid_result", "The result did not satisfy the task's json_schema, also after it was asked for once more.", "Read the objections in the message; loosen the schema, or ask for less."},
		{"invalid_workflow", "The cached workflow cannot be carried out as it is written.", "Correct it, restore another version, or record the task again."},
		{"login_required", "A page asks for a login that the run has no means for.", "Give the run secrets for it."},
		{"max_steps", "The task was not done within max_steps.", "Allow more steps, or give a smaller task."},
		{"model_not_found", "The provider has no model of that name.", "Correct model, or leave it out for the provider's default."},
		{"model_timeout", "The model gave no answer in time.", "Allow more time with model_timeout, or name another model in fallbacks."},
		{"no_browser", "The executor could not start Chromium.", "Do what the message says, then start the run again."},
		{"page_too_heavy", "A page used more memory than a run may have, again and again.", "Raise ERRAND_PAGE_MEMORY, or keep the run off that page."},
		{"parameters_unbound", "The prompt does not say all values of the cached workflow. Nothing was done.", "Give the missing ones in parameters."},
		{"provider_auth", "The provider refused the key, or its account has no credit.", "Correct the key at the executor, or top the account up."},
		{"provider_not_configured", "The executor has no key for the provider.", "Set the variable that the message names, and restart the executor."},
		{"provider_unavailable", "The provider could not be reached or answered with errors, also after repeats.", "Start the run again later, or name another provider in fallbacks."},
		{"queue_timeout", "The run had not begun queue_timeout seconds after it was accepted.", "Allow more time, start more executors, or raise the limit that the run waited for."},
		{"rate_limited", "The provider's limits were met, also after waiting.", "Start the run again later, raise the limits, or run fewer at once."},
		{"secrets_unavailable", "A secret of the run cannot be opened.", "Give gateway and executor the same ERRAND_MASTER_KEY, or set the secret again."},
		{"session_timeout", "The run was not over session_timeout seconds after its start.", "Allow more time, or give a smaller task."},
		{"stuck", "The agent did the same again and again on a page that did not change.", "See the history; a clearer prompt or another model may do better."},
		{"too_many_failures", "All actions of several steps in a row failed.", "See the history; a clearer prompt or another model may do better."},
		{"workflow_failed", "The cached workflow does not fit the site any more, and no model could help.", "Run the task with use_cached_workflow false, and record that run."},
		{"workflow_unavailable", "The cached workflow cannot be read.", "Restore another version, or record the task again."},
	}
}

// KnownCode is the code if the table has it, else CodeOther: what may stand in the label of a figure.
func KnownCode(code string) string {
	if slices.ContainsFunc(Codes(), func(c Code) bool { return c.Name == code }) {
		return code
	}
	return CodeOther
}
