using Faith.Engine.Experiments;

namespace Faith.Engine.Sweeps;

/// <summary>A run that a study asks for.</summary>
/// <param name="Run">The run.</param>
/// <param name="Line">The line of the study that gives its data, for messages.</param>
public readonly record struct StudyRun(RunSpecification Run, long Line);

/// <summary>
/// A study: lists of models, data, methods and other settings that are crossed, `cells` besides and `skip` left out (docs/sweeps.md). Every setting of
/// <see cref="RunSettings"/> may be a key, by its name or that of a list of them.
/// </summary>
public sealed class Study
{
    /// <summary>More runs than that are no study but a mistake.</summary>
    public const int MostRuns = 100_000;
    /// <summary>More comparisons of runs with values of `skip` would take longer than anybody waits for a plan.</summary>
    public const int MostComparisons = 10_000_000;
    private const string Cells = "cells", Skip = "skip", Name = "name";

    private static readonly string[] Keys = [.. RunSettings.All.SelectMany(s => (string[])[s.Plural, s.Name]).Distinct(), Cells, Skip, Name];

    private readonly string path;
    private readonly List<Axis> axes = [];
    private readonly List<StudyRun> runs = [];

    private Study(string path) => this.path = path;

    /// <summary>The runs, in the order of the study: models outermost, then data.</summary>
    public IReadOnlyList<StudyRun> Runs => runs;

    /// <summary>Lines of `skip` that leave nothing out.</summary>
    public IReadOnlyList<string> Doubts { get; private set; } = [];

    /// <summary>Reads a study.</summary>
    /// <exception cref="InputException">It cannot be read, has keys or values that are not known, or asks for nothing or for too much; the message names the line.</exception>
    public static Study Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var study = new Study(path);
        study.Take(StudyYaml.Read(path));
        return study;
    }

    private void Take(StudyMap map)
    {
        StudyEntry? cells = null, skip = null;
        foreach (var entry in map.Entries)
        {
            switch (entry.Key)
            {
                case Cells: cells = entry; break;
                case Skip: skip = entry; break;
                case Name: break;
                default: Add(AxisOf(entry)); break;
            }
        }
        axes.Sort((a, b) => a.Place.CompareTo(b.Place));
        var rules = skip is null ? [] : MapsOf(skip.Value).Select(m => new SkipRule(this, m)).ToArray();
        if (cells is null || (Has("model") && Has("data"))) AddGrid(rules);
        if (cells is not null)
        {
            foreach (var cell in MapsOf(cells.Value)) AddCell(cell);
        }
        if (runs.Count == 0) throw new InputException($"{path}: {(rules.Length > 0 ? "skip leaves out every run" : "asks for no run")}");
        Doubts = [.. rules.Where(r => !r.Matched).Select(r => $"{path}, line {r.Line}: skip leaves out nothing here")];
    }

    private bool Has(string setting) => axes.Exists(a => a.Setting.Name == setting);

    private void Add(Axis axis)
    {
        if (axes.Find(a => a.Setting == axis.Setting) is { } other) throw Fault(axis.Line, $"{axis.Setting.Name} is given in line {other.Line} too; say it once");
        axes.Add(axis);
    }

    // ---- the grid ----

    private void AddGrid(SkipRule[] rules)
    {
        foreach (var needed in (string[])["model", "data"])
        {
            if (!Has(needed)) throw new InputException($"{path}: has no {RunSettings.All.First(s => s.Name == needed).Plural}");
        }
        var said = new Dictionary<RunSetting, long>();
        foreach (var axis in axes) said[axis.Setting] = axis.Line;
        foreach (var axis in axes)
        {
            foreach (var (setting, _, line) in axis.Choices.SelectMany(c => c).Where(v => v.Setting != axis.Setting))
            {
                if (said.TryGetValue(setting, out var first)) throw Fault(line, $"{setting.Name} is given in line {first} for all; say it in one of the two");
            }
        }
        var count = axes.Aggregate(1.0, (product, axis) => product * axis.Choices.Count);
        if (count > MostRuns) throw new InputException($"{path}: asks for {count:#,0} runs; at most {MostRuns:#,0} are planned");
        if (count * rules.Sum(r => (double)r.Values) > MostComparisons) throw new InputException($"{path}: skip names {rules.Sum(r => r.Values):#,0} values to compare {count:#,0} runs with; at most {MostComparisons:#,0} comparisons are made, so name fewer");
        foreach (var run in Cross(axes.Select(a => a.Choices)))
        {
            var made = Make(run);
            var skipped = false;
            foreach (var rule in rules) skipped |= rule.Matches(made.Run);
            if (!skipped) runs.Add(made);
        }
    }

    private void AddCell(StudyMap map)
    {
        var own = Values(map, own: null);
        // What a cell does not say is as in the first run of the study.
        var others = axes.Where(axis => own.TrueForAll(choice => choice.All(v => v.Setting != axis.Setting))).Select(axis => axis.Choices[0].Where(v => own.TrueForAll(c => c.All(o => o.Setting != v.Setting))));
        Value[] common = [.. others.SelectMany(v => v)];
        foreach (var choice in own)
        {
            if (runs.Count >= MostRuns) throw Fault(map.Line, $"asks for more than {MostRuns:#,0} runs");
            Value[] all = [.. common, .. choice];
            foreach (var needed in (string[])["model", "data"])
            {
                if (all.All(v => v.Setting.Name != needed)) throw Fault(map.Line, $"the cell has no {needed}, and neither has the study");
            }
            runs.Add(Make(all));
        }
    }

    private StudyRun Make(IReadOnlyList<Value> values)
    {
        var run = new RunSpecification { Model = "", Data = "", Folder = Path.GetDirectoryName(Path.GetFullPath(path)) };
        var line = 0L;
        foreach (var value in values)
        {
            run = Set(run, value);
            if (value.Setting.Name == "data") line = value.Line;
        }
        return new(run, line);
    }

    private RunSpecification Set(RunSpecification run, Value value)
    {
        try
        {
            return value.Setting.Set(run, value.Text);
        }
        catch (InputException e)
        {
            throw new InputException($"{path}, line {value.Line}: {e.Message}", e);
        }
    }

    private static IEnumerable<IReadOnlyList<Value>> Cross(IEnumerable<List<Value[]>> lists) =>
        lists.Aggregate<List<Value[]>, IEnumerable<IReadOnlyList<Value>>>([[]], (all, list) => all.SelectMany(before => list, (before, choice) => (IReadOnlyList<Value>)[.. before, .. choice]));

    // ---- reading keys ----

    private Axis AxisOf(StudyEntry entry)
    {
        var setting = SettingOf(entry.Key) ?? throw Unknown(entry, Keys);
        var place = RunSettings.All.Index().First(s => s.Item == setting).Index;
        var items = entry.Value is StudyList list ? list.Items : [entry.Value];
        if (items.Count == 0) throw Fault(entry.Line, $"{entry.Key} is an empty list");
        if (setting.Name == RunSettings.Edges) return new(setting, place, entry.Line, [[new(setting, Joined(entry.Value), entry.Value.Line)]]);
        var choices = new List<Value[]>();
        foreach (var item in items)
        {
            choices.AddRange(Choices(setting, item));
            if (choices.Count > MostRuns) throw Fault(item.Line, $"asks for more than {MostRuns:#,0} runs");
        }
        return new(setting, place, entry.Line, choices);
    }

    // An item of a list: a text, {method: eap-ig, steps: 5}, {name: eap-ig, steps: 5} or {eap-ig: {steps: 5}}.
    private List<Value[]> Choices(RunSetting setting, StudyNode item)
    {
        if (item is StudyText) return [[new(setting, TextOf(item).Text, item.Line)]];
        if (item is not StudyMap map) throw Fault(item.Line, $"a list within the list of {setting.Plural}; its items are texts or maps");
        if (map.Entries is [{ Value: StudyMap or StudyText { Text: "" or "~" or "null" } } only] && SettingOf(only.Key) is null && only.Key != Name)
        {
            var named = new Value(setting, only.Key, only.Line);
            return only.Value is StudyMap options ? [.. Values(options, setting).Select(v => (Value[])[named, .. v])] : [[named]];
        }
        var choices = Values(map, setting);
        return choices.TrueForAll(c => c.Any(v => v.Setting == setting)) ? choices : throw Fault(map.Line, $"the item has no {setting.Name}");
    }

    // The settings of a map; those with several values are crossed.
    private List<Value[]> Values(StudyMap map, RunSetting? own)
    {
        var lists = Lists(map, own);
        if (lists.Aggregate(1.0, (product, list) => product * list.Count) > MostRuns) throw Fault(map.Line, $"asks for more than {MostRuns:#,0} runs");
        return [.. Cross(lists).Select(c => c.ToArray())];
    }

    // The values of each setting of a map.
    private List<List<Value[]>> Lists(StudyMap map, RunSetting? own)
    {
        var lists = new List<List<Value[]>>();
        foreach (var entry in map.Entries)
        {
            var setting = own is not null && entry.Key == Name ? own : SettingOf(entry.Key) ?? throw Unknown(entry, RunSettings.All.Select(s => s.Name));
            if (lists.Exists(l => l[0][0].Setting == setting)) throw Fault(entry.Line, $"{setting.Name} is given twice");
            var texts = setting.Name == RunSettings.Edges ? [new StudyText(Joined(entry.Value), entry.Value.Line)] : TextsOf(entry.Value).ToList();
            if (texts.Count == 0) throw Fault(entry.Line, $"{entry.Key} is an empty list");
            lists.Add([.. texts.Select(t => (Value[])[new(setting, t.Text, t.Line)])]);
        }
        return lists;
    }

    private static RunSetting? SettingOf(string key)
    {
        var name = key.Replace('_', '-');
        return RunSettings.All.FirstOrDefault(s => s.Name == name || s.Plural == name);
    }

    private string Joined(StudyNode value) => string.Join(',', TextsOf(value).Select(t => t.Text));

    private IEnumerable<StudyText> TextsOf(StudyNode value) => value is StudyList list ? list.Items.Select(TextOf) : [TextOf(value)];

    private StudyText TextOf(StudyNode value) => value switch
    {
        StudyText { Text: "" } => throw Fault(value.Line, "a value is missing"),
        StudyText text => text,
        _ => throw Fault(value.Line, "should be a text, a number or a list of them"),
    };

    private IEnumerable<StudyMap> MapsOf(StudyNode value) => value switch
    {
        StudyMap map => [map],
        StudyList list => list.Items.Select(i => i as StudyMap ?? throw Fault(i.Line, "should be a map of settings: {data: ioi, method: eap}")),
        _ => throw Fault(value.Line, "should be a list of maps of settings: - {data: ioi, method: eap}"),
    };

    private InputException Unknown(StudyEntry entry, IEnumerable<string> known) =>
        Fault(entry.Line, $"unknown key {PlainText.Name(entry.Key)}; known: {string.Join(", ", known)}{KnownNames.Suggest(entry.Key, known)}");

    private InputException Fault(long line, string message) => StudyYaml.Fault(path, line, message);

    /// <summary>A setting and its value, as written in a line.</summary>
    private readonly record struct Value(RunSetting Setting, string Text, long Line);

    /// <summary>A list to be crossed: each choice sets its own setting, and maybe others that belong to it.</summary>
    private sealed record Axis(RunSetting Setting, int Place, long Line, List<Value[]> Choices);

    /// <summary>Runs to leave out: those that have one of the values of every setting it names.</summary>
    private sealed class SkipRule
    {
        private readonly Study study;
        private readonly IGrouping<RunSetting, Value>[] values;

        public SkipRule(Study study, StudyMap map)
        {
            (this.study, Line) = (study, map.Line);
            values = [.. study.Lists(map, own: null).SelectMany(list => list).SelectMany(choice => choice).GroupBy(v => v.Setting)];
            if (values.Length == 0) throw study.Fault(Line, "skip names no setting");
            Values = values.Sum(of => of.Count());
        }

        public long Line { get; }

        /// <summary>How many values it names.</summary>
        public int Values { get; }

        public bool Matched { get; private set; }

        public bool Matches(RunSpecification run)
        {
            // Without sizes, which are then those of the benchmark, a run would say nothing of its selection.
            run = run with { Sizes = run.Sizes ?? [0] };
            var matches = values.All(of => of.Key.Get(run) is { } actual && of.Any(v => of.Key.Get(study.Set(run, v)) == actual));
            Matched |= matches;
            return matches;
        }
    }
}
