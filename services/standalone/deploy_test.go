package standalone

import (
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/errand-run/errand/services/gateway"
	"github.com/errand-run/errand/services/orchestrator"
	executor "github.com/errand-run/errand/services/provider-executor"
	notifier "github.com/errand-run/errand/services/webhook-notifier"
	"github.com/errand-run/errand/shared/event"
	"github.com/errand-run/errand/shared/service"
	"github.com/nats-io/nats-server/v2/server"
	"go.yaml.in/yaml/v3"
)

const repository = "../.."

// compose is what docker-compose.yml says, as far as the tests look at it.
type compose struct {
	Services map[string]composeService
}

type composeService struct {
	Image string
	Build struct {
		Context, Dockerfile, Target string
		Args                        map[string]string
	}
	Environment map[string]string
	Ports       []string
	Volumes     []string
	Command     []string
	Restart     string
	Healthcheck struct{ Test []string }
}

func readCompose(t *testing.T) compose {
	t.Helper()
	var c compose
	if err := yaml.Unmarshal(readFile(t, "docker-compose.yml"), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repository, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// own are the services that are built from this repository.
func (c compose) own() map[string]composeService {
	own := maps.Clone(c.Services)
	maps.DeleteFunc(own, func(_ string, s composeService) bool { return s.Image != "" })
	return own
}

// variables are what each service reads from its environment: asked by reading its configuration.
func variables(t *testing.T, name string) []string {
	t.Helper()
	var read []string
	record := func(variable string) string {
		read = append(read, variable)
		return ""
	}
	_, _ = service.LoadConfig(record, "127.0.0.1:0") // all four; of errors only the names matter here
	switch name {
	case "gateway":
		_, _ = gateway.LoadConfig(record)
	case "provider-executor":
		_, _ = executor.LoadConfig(record)
	case "webhook-notifier":
		_, _ = notifier.LoadConfig(record)
	case "standalone":
		_, _ = LoadConfig(record)
	case "orchestrator":
		_, _ = orchestrator.LoadConfig(record)
	default:
		t.Fatalf("there is no service %s", name)
	}
	return read
}

func TestComposeStartsTheFourServicesFromBinariesThatExist(t *testing.T) {
	own := readCompose(t).own()
	if got, want := slices.Sorted(maps.Keys(own)), []string{"gateway", "orchestrator", "provider-executor", "webhook-notifier"}; !slices.Equal(got, want) {
		t.Errorf("services %v, want %v", got, want)
	}
	dockerfile := string(readFile(t, "deploy/Dockerfile"))
	for name, s := range own {
		if s.Build.Args["SERVICE"] != name {
			t.Errorf("%s is built with SERVICE=%s", name, s.Build.Args["SERVICE"])
		}
		mains, err := filepath.Glob(filepath.Join(repository, "services", name, "cmd", "*", "main.go"))
		if err != nil || len(mains) != 1 {
			t.Errorf("%s: the Dockerfile builds services/%s/cmd/*, which must be one command; it is %v", name, name, mains)
		}
		readFile(t, filepath.Join(s.Build.Context, s.Build.Dockerfile))
		if !regexp.MustCompile(`(?m)^FROM \S+ AS ` + s.Build.Target + `$`).MatchString(dockerfile) {
			t.Errorf("%s: the Dockerfile has no stage %q", name, s.Build.Target)
		}
		if s.Restart == "" {
			t.Errorf("%s is not restarted when it ends", name)
		}
	}
}

func TestOnlyTheExecutorsImageHoldsChromium(t *testing.T) {
	stages := strings.Split(string(readFile(t, "deploy/Dockerfile")), "\nFROM ")
	for name, s := range readCompose(t).own() {
		i := slices.IndexFunc(stages, func(stage string) bool {
			first, _, _ := strings.Cut(stage, "\n")
			return strings.HasSuffix(first, " AS "+s.Build.Target)
		})
		if i < 0 {
			t.Fatalf("%s: no stage %q", name, s.Build.Target)
		}
		if has := strings.Contains(stages[i], " chromium "); has != (name == "provider-executor") {
			t.Errorf("%s: Chromium in its image: %v", name, has)
		}
		if !strings.Contains(stages[i], "\nUSER errand") {
			t.Errorf("%s runs as root", name)
		}
	}
}

func TestComposeSetsOnlyVariablesThatTheServiceReads(t *testing.T) {
	for name, s := range readCompose(t).own() {
		known := variables(t, name)
		for variable := range s.Environment {
			if !slices.Contains(known, variable) {
				t.Errorf("%s does not read %s; it reads %v", name, variable, known)
			}
		}
	}
	env := regexp.MustCompile(`\b(ERRAND_[A-Z_]+)=`)
	for _, m := range env.FindAllStringSubmatch(string(readFile(t, "deploy/Dockerfile")), -1) {
		if !slices.Contains(variables(t, "standalone"), m[1]) {
			t.Errorf("the Dockerfile sets %s, which nothing reads", m[1])
		}
	}
}

func TestComposeGivesTheExecutorTheKeyOfEveryProvider(t *testing.T) {
	s := readCompose(t).Services["provider-executor"]
	for _, provider := range event.Providers() {
		if _, ok := s.Environment[strings.ToUpper(provider)+"_API_KEY"]; !ok {
			t.Errorf("the key of %s does not reach the executor", provider)
		}
	}
}

func TestTheEnvironmentFileNamesWhatComposeTakesFromIt(t *testing.T) {
	name := regexp.MustCompile(`(?m)^([A-Z_]+)=`)
	var offered, taken []string
	for _, m := range name.FindAllStringSubmatch(string(readFile(t, ".env.example")), -1) {
		offered = append(offered, m[1])
	}
	for _, m := range regexp.MustCompile(`[^$]\$\{([A-Z_]+)`).FindAllStringSubmatch(string(readFile(t, "docker-compose.yml")), -1) {
		taken = append(taken, m[1])
	}
	slices.Sort(offered)
	slices.Sort(taken)
	taken = slices.Compact(taken) // the master key goes to two services
	if !slices.Equal(offered, taken) {
		t.Errorf(".env.example offers %v, docker-compose.yml takes %v", offered, taken)
	}
}

func TestComposeAsksEachServiceForItsHealthWhereItListens(t *testing.T) {
	entrypoint := regexp.MustCompile(`"(/usr/local/bin/\w+)"\]`).FindStringSubmatch(string(readFile(t, "deploy/Dockerfile")))
	if entrypoint == nil {
		t.Fatal("the Dockerfile has no ENTRYPOINT")
	}
	for name, s := range readCompose(t).own() {
		if want := []string{"CMD", entrypoint[1], "health"}; !slices.Equal(s.Healthcheck.Test, want) {
			t.Errorf("%s: health check %v, want %v", name, s.Healthcheck.Test, want)
		}
		_, port, err := net.SplitHostPort(s.Environment["ERRAND_ADDR"])
		if err != nil {
			t.Errorf("%s: the health check needs ERRAND_ADDR: %v", name, err)
		}
		for _, p := range s.Ports {
			if !strings.HasSuffix(p, ":"+port) || !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s listens on %s and is published as %s; it must be reachable from this machine only", name, port, p)
			}
		}
	}
}

func TestComposeRunsTheNATSServerThatTheCodeWasTestedWith(t *testing.T) {
	parts := strings.Split(server.VERSION, ".")
	if got, want := readCompose(t).Services["nats"].Image, "nats:"+parts[0]+"."+parts[1]+"-alpine"; got != want {
		t.Errorf("image %s, want %s", got, want)
	}
}

func TestTheNATSConfigurationKeepsWhatItAcknowledges(t *testing.T) {
	c := readCompose(t)
	opts, err := server.ProcessConfigFile(filepath.Join(repository, "deploy/nats.conf"))
	if err != nil {
		t.Fatal(err)
	}
	if !opts.JetStream || !opts.SyncAlways {
		t.Errorf("JetStream %v, sync always %v; want both", opts.JetStream, opts.SyncAlways)
	}
	if volumes := c.Services["nats"].Volumes; !slices.Contains(volumes, "nats-data:"+opts.StoreDir) {
		t.Errorf("the store %s is on no volume of %v", opts.StoreDir, volumes)
	}
	for name, s := range c.own() {
		u, err := url.Parse(s.Environment["ERRAND_NATS_URL"])
		if err != nil || u.Hostname() != "nats" || u.Port() != strconv.Itoa(opts.Port) {
			t.Errorf("%s looks for NATS at %s; it is service nats on port %d", name, u, opts.Port)
		}
	}
	check := c.Services["nats"].Healthcheck.Test
	u, err := url.Parse(check[len(check)-1])
	if err != nil || u.Port() != strconv.Itoa(opts.HTTPPort) {
		t.Fatalf("the health check asks %v; monitoring is on port %d", check, opts.HTTPPort)
	}
	opts.StoreDir, opts.HTTPPort, opts.NoSigs, opts.NoLog, opts.DontListen = t.TempDir(), server.RANDOM_PORT, true, true, true
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	defer func() { s.Shutdown(); s.WaitForShutdown() }()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS is not ready with deploy/nats.conf")
	}
	resp, err := http.Get("http://" + s.MonitorAddr().String() + u.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("GET %s: %s", u.Path, resp.Status)
	}
}

func TestThePageOfServicesNamesEveryVariable(t *testing.T) {
	t.Parallel()
	text := string(readFile(t, "docs/services.md"))
	var read []string
	for _, s := range []string{"standalone", "gateway", "orchestrator", "provider-executor", "webhook-notifier"} {
		read = append(read, variables(t, s)...)
	}
	for _, v := range read {
		if !strings.Contains(text, "`"+v+"`") {
			t.Errorf("docs/services.md does not name %s", v)
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)`").FindAllStringSubmatch(text, -1) {
		if !slices.Contains(read, m[1]) {
			t.Errorf("docs/services.md names %s, which nothing reads", m[1])
		}
	}
}
