using Faith.Engine.Experiments;
using Faith.Engine.Sweeps;
using Faith.Fuzz.Tests.Mutation;
using Xunit;

namespace Faith.Fuzz.Tests.Targets;

/// <summary>The files of sweeps and reports.</summary>
internal static class SweepReaders
{
    private const string StudyText = """
        # a study
        name: all
        models: [a, "b c"]
        data:
          - ioi
          - &d d.jsonl
        examples: 10
        seeds: [0, 1]
        methods: [eap, {method: exact, ablation: mean}, {eap-ig: {steps: [5, 10], rule: left}}]
        selections:
          - top
          - {select: greedy, signed: true}
        edges: [10, 30]
        cells:
          - {model: a, data: *d, method: ifr}
        skip:
          - {model: a, method: [exact, eap], seed: 1}

        """;

    private const string Record = """
        {"cell": "0123456789abcdef",
         "run": {"version": "1", "model": "m", "model_hash": "a", "data": "d", "data_hash": "b", "method": "eap-ig", "steps": 5, "rule": "left", "examples": 2, "options": {"select": "greedy", "sizes": "3"}},
         "graph": {"layers": 1, "heads": 2, "parallel": false},
         "curve": [{"selected": 3, "edges": 2, "nodes": 2, "circuit": 0.5, "faithfulness": 0.25, "faithfulness_low": null, "faithfulness_high": 1e-3, "per_example": [0.5, null]}],
         "clean": [1, 2.5], "corrupted": [0, -1], "doubt": "x", "standard_errors": [1, 2, 3],
         "examples": [{"clean": "a", "corrupted": "b", "answers": "c", "distractors": "d"}, {"clean": "a", "answers": "", "distractors": ""}],
         "files": {"scores.json": "00"}}
        """;

    public static ITarget Studies() => new ReaderTarget(folder => Assert.InRange(Study.Read(Path.Combine(folder, "study.yaml")).Runs.Count, 1, Study.MostRuns + 1),
        Seed("study.yaml", LinesMutator.MutateWords, StudyText), Seed("study.yaml", BytesMutator.Mutate, StudyText));

    public static ITarget Manifests() => new ReaderTarget(folder => Assert.NotEmpty(SweepFolder.Open(folder).Cells), new SeedFile(SweepFolder.ManifestFile, LinesMutator.MutateJsonLines, folder =>
    {
        var cell = new SweepCell { Run = new RunSpecification { Model = "m", Data = "d", Sizes = [3, 5] }, Version = "1", ModelHash = "a", DataHash = "b", Gflop = 1.5, Bytes = 100 };
        File.WriteAllBytes(Path.Combine(folder, SweepFolder.ManifestFile), Manifest.Write([cell, cell with { Run = cell.Run with { Seed = 1, Select = "greedy" } }]));
    }));

    public static ITarget Reports() => new ReaderTarget(folder =>
        {
            foreach (var run in ReportSource.Read([folder], _ => { })) Assert.NotEmpty(Engine.Reports.ReportPage.Write(run.Model, [run]));
        },
        Seed(SweepFolder.RecordFile, JsonMutator.Mutate, Record), Seed(SweepFolder.CurveFile, LinesMutator.MutateTable, "selected,edges,nodes,circuit,faithfulness,ranked_by\n3,2,2,0.5,0.25,score\n5,4,3,,,size\n"));

    private static SeedFile Seed(string name, Func<Random, byte[], byte[]> mutate, string content) => new(name, mutate, folder => File.WriteAllText(Path.Combine(folder, name), content));
}
