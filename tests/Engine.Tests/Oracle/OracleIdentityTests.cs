using Faith.Engine.Graphs;
using Faith.Engine.Tests.Attribution;
using Xunit;

namespace Faith.Engine.Tests.Oracle;

/// <summary>What must hold of scores and circuits whatever the model.</summary>
public sealed class OracleIdentityTests
{
    [Theory]
    [InlineData("gpt2", OracleMetric.LogitDiff, OracleAblation.Patching)]
    [InlineData("llama", OracleMetric.ProbDiff, OracleAblation.Patching)]
    [InlineData("llama", OracleMetric.Kl, OracleAblation.Patching)]
    [InlineData("gpt2", OracleMetric.Js, OracleAblation.Patching)]
    [InlineData("gpt2", OracleMetric.LogitDiff, OracleAblation.MeanPositional)]
    [InlineData("llama", OracleMetric.LogitDiff, OracleAblation.Zero)]
    public void EdgesOutOfInputAddUpToTheLossOfItsAblation(string family, OracleMetric metric, OracleAblation ablation)
    {
        using var weights = family == "gpt2" ? RandomModels.Gpt2(21) : RandomModels.Llama(21);
        var examples = RandomExamples.DifferingAt(22, weights.Config.Vocabulary, 2, 5, 2, 3);
        var model = new LiteralModel(weights);
        // A tenth of the way: the loss of a random model on all of it is too rough for rules of few points.
        var ablated = Towards(model, LiteralAblation.Of(ablation, model, examples.Select(e => e.Clean)), 0.1);
        var scores = new LiteralScores(model, metric, ablated);

        foreach (var example in examples)
        {
            var clean = model.Run(example.Clean).LastLogits;
            var input = ablated(example)[0];
            var changed = model.Run(example.Clean, (_, node, computed) => node == 0 ? input : computed).LastLogits;
            var target = LiteralMetric.Loss(metric, changed, example, clean) - LiteralMetric.Loss(metric, clean, example, clean);

            double Gap(OracleRule rule, int steps)
            {
                var edges = scores.Edges(example, OracleMethod.EapIg, LiteralRule.Points(rule, steps));
                return Math.Abs(edges.Take(model.Graph.Columns).Sum() - target);
            }
            double Shrinkage(OracleRule rule) => Gap(rule, 16) / Gap(rule, 8);

            Assert.InRange(Gap(OracleRule.GaussLegendre, 12) / Math.Abs(target), 0, 1e-9);
            // The errors of the other rules fall as 1/m (left, right) and as 1/m² (midpoint, trapezoid).
            foreach (var rule in new[] { OracleRule.Left, OracleRule.Right }) Assert.InRange(Shrinkage(rule), 0.45, 0.55);
            foreach (var rule in new[] { OracleRule.Midpoint, OracleRule.Trapezoid }) Assert.InRange(Shrinkage(rule), 0.2, 0.3);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(12)]
    public void GaussLegendreIntegratesPolynomialsOfDegreeTwoMMinusOne(int m)
    {
        var points = LiteralRule.Points(OracleRule.GaussLegendre, m);
        for (var degree = 0; degree < 2 * m; degree++)
        {
            Assert.Equal(1.0 / (degree + 1), points.Sum(p => p.Weight * Math.Pow(p.Alpha, degree)), 1e-14);
        }
    }

    [Fact]
    public void RulesAreTheMeansTheyAreNamedFor()
    {
        Assert.Equal([0, 0.25, 0.5, 0.75], LiteralRule.Points(OracleRule.Left, 4).Select(p => p.Alpha));
        Assert.Equal([0.25, 0.5, 0.75, 1], LiteralRule.Points(OracleRule.Right, 4).Select(p => p.Alpha));
        Assert.Equal([0.125, 0.375, 0.625, 0.875], LiteralRule.Points(OracleRule.Midpoint, 4).Select(p => p.Alpha));
        Assert.Equal([0.125, 0.25, 0.25, 0.25, 0.125], LiteralRule.Points(OracleRule.Trapezoid, 4).Select(p => p.Weight));
        foreach (var rule in Enum.GetValues<OracleRule>()) Assert.Equal(1, LiteralRule.Points(rule, 7).Sum(p => p.Weight), 1e-15);
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("llama")]
    [InlineData("parallel")]
    public void TheFullCircuitIsTheCleanRunAndTheEmptyOneTheCorruptedRun(string family)
    {
        using var weights = family switch
        {
            "gpt2" => RandomModels.Gpt2(31),
            "llama" => RandomModels.Llama(31),
            _ => RandomModels.Create(RandomModels.Gpt2Config() with { ParallelBlocks = true }, 31),
        };
        var examples = RandomExamples.Create(32, weights.Config.Vocabulary);
        var graph = new LiteralModel(weights).Graph;
        foreach (var metric in Enum.GetValues<OracleMetric>())
        {
            var full = OracleRun.Circuit(weights, examples, Circuit.Full(graph), metric);
            Assert.Equal(full.Clean, full.Circuit);
            var empty = OracleRun.Circuit(weights, examples, Circuit.Empty(graph), metric);
            AssertClose(empty.Corrupted, empty.Circuit, 1e-12);
        }
    }

    [Fact]
    public void AnEmptyCircuitUnderZeroAblationIsWhatPositionsAndBiasesSay()
    {
        // With every source at zero the last stream is position + Σ output biases; its norm and logits are taken here by hand.
        using var weights = RandomModels.Gpt2(33);
        var examples = RandomExamples.Create(34, weights.Config.Vocabulary);
        var empty = Circuit.Empty(new LiteralModel(weights).Graph);
        var circuit = OracleRun.Circuit(weights, examples, empty, ablation: OracleAblation.Zero).Circuit;
        var positions = LiteralMatrix.Read(weights.Positions!);
        var unembedding = LiteralMatrix.Read(weights.Unembedding);
        var width = weights.Config.Width;
        for (var i = 0; i < examples.Length; i++)
        {
            var example = examples[i];
            var stream = Enumerable.Range(0, width)
                .Select(c => positions[example.Clean.Length - 1][c] + weights.Layers.Sum(layer => (double)layer.OutputBias![c])).ToArray();
            var mean = stream.Average();
            var sigma = Math.Sqrt(stream.Average(x => (x - mean) * (x - mean)) + 1e-5);
            var normed = stream.Select((x, c) => (x - mean) / sigma * weights.FinalNormScale[c] + weights.FinalNormShift![c]).ToArray();
            double Logit(int token) => Enumerable.Range(0, width).Sum(c => normed[c] * unembedding[token][c]);
            Assert.Equal(example.Answers.Average(Logit) - example.Distractors.Average(Logit), circuit[i], 1e-11);
        }
    }

    [Fact]
    public void AnExactScoreIsTheLossOfTheCircuitWithoutTheEdge()
    {
        using var weights = RandomModels.Create(RandomModels.LlamaConfig(heads: 2, keyValueHeads: 1, tied: true), 41);
        var examples = RandomExamples.Create(42, weights.Config.Vocabulary, count: 2);
        var graph = new LiteralModel(weights).Graph;
        foreach (var ablation in Enum.GetValues<OracleAblation>())
        {
            var scores = OracleRun.PerExample(weights, examples, OracleMethod.Exact, ablation: ablation);
            foreach (var removed in Circuit.Full(graph).Edges.Where(edge => edge % 5 == 0))
            {
                var rest = new Circuit(graph, Circuit.Full(graph).Edges.Where(edge => edge != removed));
                var run = OracleRun.Circuit(weights, examples, rest, ablation: ablation);
                for (var i = 0; i < examples.Length; i++) Assert.Equal(run.Clean[i] - run.Circuit[i], scores[i][removed], 1e-12);
            }
        }
    }

    [Fact]
    public void ScoresOfASmallDifferenceApproachTheExactOnes()
    {
        // Corrupted embeddings next to the clean ones: the loss is linear between them, and EAP, EAP-IG, clean-corrupted and exact agree.
        using var weights = RandomModels.Gpt2(51);
        var examples = RandomExamples.DifferingAt(52, weights.Config.Vocabulary, 2, 5, 1, 3);
        var model = new LiteralModel(weights);

        // All outputs must be those of one run, as a corrupted run's are: a change of the embedding makes all other changes.
        var embeddings = Towards(model, LiteralAblation.Of(OracleAblation.Patching, model, []), 1e-6);
        AblatedOutputs nearlyClean = example =>
        {
            var input = embeddings(example)[0];
            return model.Run(example.Clean, (_, node, computed) => node == 0 ? input : computed).Outputs.ToArray();
        };
        var scores = new LiteralScores(model, OracleMetric.LogitDiff, nearlyClean);
        var points = LiteralRule.Points(OracleRule.Left, 3);
        foreach (var example in examples)
        {
            var exact = scores.Edges(example, OracleMethod.Exact, points);
            var tolerance = 2e-5 * exact.Max(Math.Abs);
            foreach (var method in new[] { OracleMethod.Eap, OracleMethod.EapIg, OracleMethod.CleanCorrupted })
            {
                AssertClose(exact, scores.Edges(example, method, points), tolerance);
            }
        }
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("llama")]
    [InlineData("norms of inputs and outputs")]
    [InlineData("norms of outputs alone")]
    [InlineData("norms of outputs, parallel, LayerNorm")]
    [InlineData("queries and keys of all heads normed together")]
    [InlineData("positions in attention, shared keys, norms of every head")]
    public void AScoreIsTheSlopeOfTheFullCircuitByTheWeightOfTheEdge(string name)
    {
        const double Step = 1e-4;
        using var weights = Scoring.Models[name]();
        var model = new LiteralModel(weights);
        var examples = RandomExamples.DifferingAt(92, weights.Config.Vocabulary, 1, 5, 1);
        var ablation = LiteralAblation.Of(OracleAblation.Patching, model, []);
        var scores = new LiteralScores(model, OracleMetric.LogitDiff, ablation);
        foreach (var example in examples)
        {
            var clean = model.Run(example.Clean).LastLogits;
            var ablated = ablation(example);
            var expected = scores.Edges(example, OracleMethod.Eap, []);
            double Loss(EdgeId edge, double weight) => LiteralMetric.Loss(OracleMetric.LogitDiff, model.Run(example.Clean, input: (tape, column, _, outputs) =>
                model.Stream(tape, column, u => model.Graph.Edge(new(u), new(column)) == edge ? tape.Add(tape.Scale(outputs[u], weight), tape.Scale(ablated[u], 1 - weight)) : outputs[u])).LastLogits, example, clean);
            foreach (var edge in Circuit.Full(model.Graph).Edges) Assert.Equal(expected[edge], (Loss(edge, 1 - Step) - Loss(edge, 1 + Step)) / (2 * Step), 1e-6 * expected.Max(Math.Abs));
        }
    }

    [Fact]
    public void InformationFlowIntoAColumnAddsUpToOne()
    {
        using var weights = RandomModels.Llama(61);
        var graph = new LiteralModel(weights).Graph;
        var scores = OracleRun.Scores(weights, RandomExamples.Create(62, weights.Config.Vocabulary), OracleMethod.InformationFlowRoutes);
        for (var v = 0; v < graph.Columns; v++)
        {
            Assert.Equal(1, Enumerable.Range(0, graph.Sources).Sum(u => scores[u * graph.Columns + v]), 1e-12);
        }
    }

    [Fact]
    public void NodeScoresAreTheSumsOfTheirEdgeScores()
    {
        // ∂L/∂z_u is the sum of ∂L/∂x_v over the readers of z_u, so the same holds of the scores.
        using var weights = RandomModels.Gpt2(71);
        var examples = RandomExamples.Create(72, weights.Config.Vocabulary, count: 3);
        var graph = new LiteralModel(weights).Graph;
        foreach (var method in new[] { OracleMethod.Eap, OracleMethod.EapIg, OracleMethod.CleanCorrupted, OracleMethod.EapIgActivations })
        {
            var edges = OracleRun.Scores(weights, examples, method, steps: 2);
            var nodes = OracleRun.NodeScores(weights, examples, method, steps: 2);
            var neurons = OracleRun.NeuronScores(weights, examples, method, steps: 2);
            AssertClose(edges.Chunk(graph.Columns).Select(row => row.Sum()).ToArray(), nodes, 1e-12);
            AssertClose(neurons.Chunk(weights.Config.Width).Select(row => row.Sum()).ToArray(), nodes, 1e-12);
        }
    }

    [Fact]
    public void EapUnderADivergenceIsZero()
    {
        // The clean run is where the divergence from it is least.
        using var weights = RandomModels.Llama(81);
        var examples = RandomExamples.Create(82, weights.Config.Vocabulary, count: 2);
        foreach (var metric in new[] { OracleMetric.Kl, OracleMetric.Js })
        {
            Assert.All(OracleRun.Scores(weights, examples, OracleMethod.Eap, metric: metric), score => Assert.Equal(0, score, 1e-14));
        }
    }

    /// <summary>clean + share · (ablated − clean), output by output.</summary>
    private static AblatedOutputs Towards(LiteralModel model, AblatedOutputs ablation, double share) => example =>
        model.Run(example.Clean).Outputs.Zip(ablation(example), (clean, ablated) =>
            Tape.Leaf(clean.Rows, clean.Columns, clean.Data.Zip(ablated.Data, (c, a) => c + share * (a - c)).ToArray())).ToArray();

    private static void AssertClose(double[] expected, double[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], tolerance);
    }
}
