using System.Text;
using Faith.Engine.Attribution;
using Faith.Engine.Sweeps;
using Faith.Engine.Tests.Models;
using Xunit;

namespace Faith.Engine.Tests.Sweeps;

/// <summary>Studies: what they cross, add and leave out, and what is refused with its line.</summary>
public sealed class StudyTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    private string[] Runs(string yaml) => [.. Read(yaml).Runs.Select(r => r.Run).Select(r => $"{r.Model} {r.Data} {r.Seed} {r.Scoring.Method}{(r.Identity.Contains("steps", StringComparison.Ordinal) ? $" {AttributionMethods.Find(r.Scoring.Method).StepsOf(r.Scoring)}" : "")} {r.Select}")];

    private Study Read(string yaml)
    {
        File.WriteAllText(directory.File("s.yaml"), yaml);
        return Study.Read(directory.File("s.yaml"));
    }

    [Fact]
    public void Lists_are_crossed_models_outermost()
    {
        Assert.Equal(
            ["a x 0 eap top", "a x 0 eap-ig 5 top", "a y 0 eap top", "a y 0 eap-ig 5 top", "b x 0 eap top", "b x 0 eap-ig 5 top", "b y 0 eap top", "b y 0 eap-ig 5 top"],
            Runs("methods: [eap, eap-ig]\ndata: [x, y]\nmodels: [a, b]\n"));
        Assert.Equal(["a x 1 eap top", "a x 2 eap top"], Runs("model: a\ndata: x\nmethod: eap\nseeds: [1, 2]\nname: my study\n"));
    }

    [Theory]
    [InlineData("[eap-ig: {steps: [1, 2]}, eap]")]
    [InlineData("[{method: eap-ig, steps: [1, 2]}, {name: eap}]")]
    [InlineData("\n  - eap-ig:\n      steps: [1, 2]\n  - eap:")]
    [InlineData("[{eap-ig: &o {steps: [1, 2]}}, eap]")]
    public void Methods_have_options_of_their_own(string methods) =>
        Assert.Equal(["a x 0 eap-ig 1 top", "a x 0 eap-ig 2 top", "a x 0 eap top"], Runs($"models: a\ndata: x\nmethods: {methods}\n"));

    [Fact]
    public void Cells_are_added_and_take_the_rest_from_the_first_of_the_study()
    {
        Assert.Equal(["a x 3 eap greedy", "a y 3 eap greedy", "a y 7 exact greedy"], Runs("models: a\ndata: [x, y]\nmethods: [eap]\nseeds: 3\nselections: greedy\ncells:\n  - {data: y, method: exact, seed: 7}\n"));
        Assert.Equal(["a x 0 eap top", "b y 0 eap-ig 2 top"], Runs("cells:\n- {model: a, data: x, method: eap}\n- {model: b, data: y, steps: 2}\n"));
        Assert.Equal(["a x 0 exact top"], Runs("model: a\ncells: {data: x, method: exact}\n"));
    }

    [Fact]
    public void Skipped_combinations_are_left_out()
    {
        const string grid = "models: a\ndata: [x, y]\nmethods: [eap, eap-ig]\nseeds: [0, 1]\n";
        Assert.Equal(["a x 0 eap top", "a x 1 eap top", "a y 1 eap top", "a y 0 eap-ig 5 top"], Runs(grid + "skip:\n- {data: x, method: eap-ig}\n- {data: y, method: [eap], seed: 0}\n- {data: y, method: eap-ig, seed: [1, 2]}\n").Order(Comparer<string>.Create((p, q) => Place(p).CompareTo(Place(q)))));
        Assert.Contains("line 5: skip leaves out nothing", Assert.Single(Read(grid + "skip: {data: z}").Doubts), StringComparison.Ordinal);
        Assert.Contains("skip leaves out every run", Refused(grid + "skip: {model: a}"), StringComparison.Ordinal);

        static int Place(string run) => Array.IndexOf(["a x 0 eap top", "a x 1 eap top", "a y 1 eap top", "a y 0 eap-ig 5 top"], run);
    }

    [Fact]
    public void Sizes_are_of_every_run()
    {
        Assert.All(Read("models: a\ndata: x\nmethods: [eap, eap-ig]\nedges: [50, 10]\n").Runs, r => Assert.Equal([10, 50], r.Run.Sizes));
        Assert.Null(Read("models: a\ndata: x\n").Runs[0].Run.Sizes);
    }

    [Fact]
    public void The_example_in_the_documents_is_a_study() => Assert.Equal(6 * 5 * 3, Study.Read(Documents.PathOf("docs/examples/six-tasks.yaml")).Runs.Count);

    [Fact]
    public void Aliases_stand_for_what_they_name() =>
        Assert.Equal(["a x 0 eap-ig 1 top", "a x 0 eap-ig 2 top", "a x 0 eap-ig-activations 1 top", "a x 0 eap-ig-activations 2 top"],
            Runs("models: a\ndata: x\nmethods:\n- eap-ig: &o {steps: [1, 2]}\n- eap-ig-activations: *o\n"));

    [Theory]
    [InlineData("modles: a\n", "line 1: unknown key 'modles'", "did you mean models?")]
    [InlineData("models: a\ndata: x\nmethods: [eap-gi]\n", "line 3: method eap-gi is not known", "did you mean eap-ig?")]
    [InlineData("models: a\ndata: x\nmethods:\n- eap-ig: {step: 3}\n", "line 4: unknown key 'step'", "did you mean steps?")]
    [InlineData("models: a\ndata: x\nexamples: many\n", "line 3: examples must be a whole number from 1 to 1000000, not many")]
    [InlineData("models: a\ndata: x\nedges: [1, -3]\n", "line 3: edges must be whole numbers, not -3")]
    [InlineData("models: a\n", "has no data")]
    [InlineData("data: a\n", "has no models")]
    [InlineData("", "is empty")]
    [InlineData("# nothing\n", "holds no study")]
    [InlineData("- a\n", "line 1: a study is a map of keys")]
    [InlineData("models: a\nmetrics:\ndata: x\n", "line 2: a value is missing")]
    [InlineData("models: a\ndata: x\nedges: []\n", "line 3: edges is an empty list")]
    [InlineData("models: a\ndata: x\n# \0\nskip: [{model: a}]\n", "line 3: holds a null character")]
    [InlineData("models: []\ndata: x\n", "line 1: models is an empty list")]
    [InlineData("models: [[a]]\ndata: x\n", "line 1: a list within the list of models")]
    [InlineData("models: a\nmodels: b\n", "line 2: 'models' is given twice")]
    [InlineData("models: a\nmodel: b\ndata: x\n", "line 2: model is given in line 1 too")]
    [InlineData("models: a\ndata: x\nsteps: [1, 2]\nmethods: [{method: eap-ig, steps: 3}]\n", "line 4: steps is given in line 3 for all")]
    [InlineData("models: a\ndata: x\ncells: [b]\n", "line 3: should be a map of settings")]
    [InlineData("cells: [{model: a}]\n", "line 1: the cell has no data")]
    [InlineData("models: a\ndata: x\nskip: [{}]\n", "line 3: skip names no setting")]
    [InlineData("models: !!python/object:os.system a\n", "line 1: the tag ")]
    [InlineData("models: *a\n", "line 1: *a names no anchor")]
    [InlineData("models: &a [*a]\ndata: x\n", "line 1: *a names no anchor")]
    [InlineData("a: {<<: {b: c}}\n", "line 1: merge keys")]
    [InlineData("models: a\n---\nmodels: b\n", "line 2: a second document")]
    [InlineData("models: [a\n", "is not YAML")]
    [InlineData("models: \"a\n", "is not YAML")]
    [InlineData("models: a\n  data: b\n", "line 2: is not YAML")]
    [InlineData("m: [a\n\nb]\n", "line 1: is not YAML, here or a little later")]
    [InlineData("[a]: b\n", "a key must be a word")]
    public void What_is_wrong_is_refused_with_its_line(string yaml, params string[] parts) => Assert.All(parts, part => Assert.Contains(part, Refused(yaml), StringComparison.Ordinal));

    [Fact]
    public void Files_that_would_grow_are_refused()
    {
        Assert.Contains("is nested more than 8 deep", Refused("models: " + new string('[', 100_000)), StringComparison.Ordinal);
        Assert.Contains("is nested more than 8 deep", Refused(string.Concat(Enumerable.Range(0, 100).Select(i => new string(' ', i) + "a:\n"))), StringComparison.Ordinal);
        // Ten lists of ten of the next: a thousand million of the last.
        var laughs = new StringBuilder("a0: &a0 [x]\n");
        for (var i = 1; i < 10; i++) laughs.Append($"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n");
        Assert.Contains("aliases repeat so much", Refused(laughs.ToString()), StringComparison.Ordinal);
        Assert.Contains("line 3: aliases repeat so much", Refused($"models: a\ndata: x\nedges: [&e '{new string('1', 4000)}'{string.Concat(Enumerable.Repeat(", *e", 100_000))}]\n"), StringComparison.Ordinal);
        var many = string.Join(", ", Enumerable.Range(0, 1000));
        Assert.Contains("asks for 1,000,000 runs; at most 100,000", Refused($"models: a\ndata: x\nseeds: [{many}]\nexamples: [{string.Join(", ", Enumerable.Range(1, 1000))}]\n"), StringComparison.Ordinal);
        Assert.Contains("asks for more than 100,000 runs", Refused($"models: a\ndata: x\nmethods: [{{method: eap-ig, steps: [{string.Join(", ", Enumerable.Range(1, 1000))}], seed: [{many}]}}]\n"), StringComparison.Ordinal);
        Assert.Contains("is too large", Refused(new string('#', StudyYaml.LargestFile + 1)), StringComparison.Ordinal);
        Assert.Contains("has 5000 characters", Refused($"models: {new string('a', 5000)}\n"), StringComparison.Ordinal);
        File.WriteAllBytes(directory.File("s.yaml"), [0xC3, 0x28]);
        Assert.Contains("not UTF-8", Assert.Throws<InputException>(() => Study.Read(directory.File("s.yaml"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Lists_that_would_grow_are_refused_before_they_do()
    {
        string Numbers(int from, int count) => string.Join(", ", Enumerable.Range(from, count));
        var method = $"  - {{method: eap-ig, steps: [{Numbers(1, 300)}], train-seed: [{Numbers(0, 300)}]}}\n";
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("line 5: asks for more than 100,000 runs", Refused($"models: a\ndata: x\nmethods:\n{string.Concat(Enumerable.Repeat(method, 40))}"), StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200 << 20);

        // What is skipped is not crossed: only its values count.
        const string study = "models: a\ndata: [x, y]\nmethods: [eap-ig]\n";
        Assert.Equal(["a y 0 eap-ig 5 top"], Runs($"{study}skip: {{data: x, steps: [{Numbers(1, 1000)}], seed: [{Numbers(0, 1000)}]}}\n"));
        var rules = string.Concat(Enumerable.Repeat("- {data: z}\n", 10_000));
        Assert.Contains("skip names 10,000 values to compare 2,000 runs with", Refused($"{study}seeds: [{Numbers(0, 1000)}]\nskip:\n{rules}"), StringComparison.Ordinal);
    }

    private string Refused(string yaml)
    {
        var message = Assert.Throws<InputException>(() => Read(yaml)).Message;
        Assert.DoesNotContain('\n', message);
        return message;
    }
}
