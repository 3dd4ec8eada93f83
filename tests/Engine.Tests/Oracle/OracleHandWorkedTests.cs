using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Models;
using Faith.Kernels;
using Xunit;

namespace Faith.Engine.Tests.Oracle;

/// <summary>
/// A model small enough to be worked out on paper: 1 layer, 2 heads of dimension 1, d = 2, RMSNorm with ε = 0, no positions.
///
/// Every stream below has x₁² + x₂² = 50, so its root mean square is 5; every γ is 5, so a norm leaves it as it is: γ·x/5 = x.
/// The norm's Jacobian there is J_x = I − x·xᵀ/50.
///
/// Tokens: A = (1, 7), B = (7, 1), D = (−5, 5). Clean: A B. Corrupted: D D. The differences of the embeddings are
/// Δ₁ = D − A = (−6, −2) and Δ₂ = D − B = (−12, 4).
///
/// Head 0: q = x₂, k = (x₁ + x₂)/2, v = x₁, writes o·(−2, −1). Head 1: q = (x₁ − 7x₂)/8, k = x₁, v = x₂, writes o·(0, −1).
///   At position 2 of the clean prompt head 0 has k = 4 at both positions and head 1 has q = 0: both attend ½, ½.
///   o₀ = (1 + 7)/2 = 4, o₁ = (7 + 1)/2 = 4: the stream becomes (7, 1) + 4·(−2, −1) + 4·(0, −1) = (−1, −7).
///   On the corrupted prompt both positions are alike, so that o₀ = −5, o₁ = 5, whatever the attention:
///   the stream becomes (−5, 5) − 5·(−2, −1) + 5·(0, −1) = (5, 5). So Δo₀ = −9 and Δo₁ = 1 at position 2.
/// MLP: gate = (7x₁ − x₂)/32, up = x₁, writes silu(gate)·up·(1, 2).
///   Clean: gate = 0, so it writes 0. Corrupted: gate = 30/32 = 15/16, up = 5: it writes h·(1, 2), h = 75/16/(1 + e^(−15/16)).
/// Final stream of the clean run: (−1, −7). The answer's unembedding is (1, 0), the distractor's (0, 0): metric = y₁ = −1.
/// </summary>
public sealed class OracleHandWorkedTests
{
    private static readonly Example Example = new(Clean: [0, 1], Corrupted: [2, 2], Answers: [0], Distractors: [1]);

    private static ModelWeights Model()
    {
        static ArrayMatrix Matrix(int inputs, int outputs, params float[] values) => new(values, inputs, outputs, storedTransposed: false);
        return new ModelWeights
        {
            Config = new ModelConfig
            {
                Family = "llama",
                Layers = 1,
                Width = 2,
                Heads = 2,
                KeyValueHeads = 2,
                HeadDim = 1,
                MlpWidth = 1,
                Vocabulary = 3,
                Context = 2,
                Norm = NormKind.RmsNorm,
                NormEpsilon = 0,
                Activation = ActivationFunction.Silu, Gated = true,
                TiedEmbedding = false,
                AttentionScale = 1,
            },
            Embedding = Matrix(3, 2, 1, 7, 7, 1, -5, 5),
            Unembedding = Matrix(3, 2, 1, 0, 0, 0, 3, 4),
            FinalNormScale = [5, 5],
            Layers =
            [
                new LayerWeights
                {
                    AttentionNormScale = [5, 5],
                    // Columns: q of both heads, k of both heads, v of both heads.
                    QueryKeyValue = Matrix(2, 6, 0, 1 / 8f, 1 / 2f, 1, 1, 0, 1, -7 / 8f, 1 / 2f, 0, 0, 1),
                    Output = Matrix(2, 2, -2, -1, 0, -1),
                    MlpNormScale = [5, 5],
                    // Columns: gate, up.
                    Up = Matrix(2, 2, 7 / 32f, 1, -1 / 32f, 0),
                    Down = Matrix(1, 2, 1, 2),
                },
            ],
        };
    }

    [Fact]
    public void ForwardPass()
    {
        using var weights = Model();
        var run = new LiteralModel(weights).Run(Example.Clean);
        Assert.Equal([-8, -4], Rounded(run.Outputs[1].Row(1)));
        Assert.Equal([0, -4], Rounded(run.Outputs[2].Row(1)));
        Assert.Equal([0, 0], Rounded(run.Outputs[3].Row(1)));
        Assert.Equal([-1, -7], Rounded(run.Inputs[^1].Row(1)));
        Assert.Equal([-1, 0, -31], Rounded(run.LastLogits));
    }

    [Fact]
    public void EapScores()
    {
        using var weights = Model();
        var graph = new ModelGraph(1, 2);
        var scores = OracleRun.Scores(weights, [Example], OracleMethod.Eap);
        var expected = new Dictionary<string, double>
        {
            // L = −y₁ with y the normed final stream, only at position 2: g = ∂L/∂x = −J(1, 0) for x = (−1, −7), that is
            // g = −(1 − 1/50, −7/50) = (−0.98, 0.14).
            ["input->logits"] = 12.32,                  // Δ₂·g = 11.76 + 0.56
            ["a0.h0->logits"] = -16.38,                 // Δo₀·(−2, −1)·g = −9·1.82
            ["a0.h1->logits"] = -0.14,                  // Δo₁·(0, −1)·g
            ["m0->logits"] = -0.70 * 75 / 16 / (1 + Math.Exp(-15.0 / 16)), // h·(1, 2)·g, (1, 2)·g = −0.70

            // MLP: ∂L/∂(silu·up) = −0.70. silu(0) = 0 and silu′(0) = ½: nothing through up, and through the gate −0.70·½·(−1) = 0.35.
            // (7, −1) is at right angles to (−1, −7), so that J leaves it: ∂L/∂x = 0.35/32·(7, −1) = 0.0109375·(7, −1).
            ["input->m0"] = -0.9625,                    // Δ₂·(7, −1) = −88
            ["a0.h0->m0"] = 1.2796875,                  // −9·(−2, −1)·(7, −1) = 117
            ["a0.h1->m0"] = 0.0109375,                  // (0, −1)·(7, −1) = 1

            // Heads: the stream after them has the gradient g + 0.0109375·(7, −1) = (−0.9034375, 0.1290625) at position 2 and none
            // at position 1. So ∂L/∂o₀ = (−2, −1)·that = 1.6778125 and ∂L/∂o₁ = (0, −1)·that = −0.1290625.
            // v: half of it goes to each position. J_A(1, 0) = (0.98, −0.14), J_B(1, 0) = (0.02, −0.14):
            //    Δ₁·J_A(1, 0) + Δ₂·J_B(1, 0) = −5.6 − 0.8 = −6.4.   J_A(0, 1) = (−0.14, 0.02), J_B(0, 1) = (−0.14, 0.98): 0.8 + 5.6 = 6.4.
            ["input->a0.h0<v>"] = -5.369,               // −6.4·1.6778125/2
            ["input->a0.h1<v>"] = -0.413,               // 6.4·(−0.1290625)/2
            // Attention scores: a·(v − mean v)·∂L/∂o. Head 0 has v = (1, 7): ∓1.5·∂L/∂o₀; times q = 1 for k, times k = (4, 4) for q.
            //    J_A(½, ½) = (0.42, −0.06), J_B(½, ½) = (−0.06, 0.42): Δ₁·… = −2.4, Δ₂·… = 2.4; −1.5·(−2.4) + 1.5·2.4 = 7.2.
            ["input->a0.h0<k>"] = 12.08025,             // 7.2·1.6778125
            ["input->a0.h0<q>"] = 0,                    // (−1.5 + 1.5)·4
            // Head 1 has v = (7, 1): ±1.5·∂L/∂o₁; times q = 0 for k, times k = (1, 7) for q: −9·∂L/∂o₁.
            //    (1, −7)/8 is at right angles to B, so that J_B leaves it; Δ₂·(1, −7)/8 = −5.
            ["input->a0.h1<q>"] = -5.8078125,           // −9·(−5)·(−0.1290625)
            ["input->a0.h1<k>"] = 0,
        };
        Assert.Equal(graph.Edges, expected.Count);
        foreach (var edge in Circuit.Full(graph).Edges)
        {
            var name = graph.EdgeName(edge);
            Assert.True(Math.Abs(expected[name] - scores[edge]) < 1e-12, $"{name}: {expected[name]} by hand, {scores[edge]} here");
        }
    }

    [Fact]
    public void NodeScores()
    {
        using var weights = Model();
        var scores = OracleRun.NodeScores(weights, [Example], OracleMethod.Eap);
        // At its output, head 0 has the gradient (−0.9034375, 0.1290625) and Δ = −9·(−2, −1); head 1 has Δ = (0, −1); the MLP meets g.
        Assert.Equal(-9 * 1.6778125, scores[1], 1e-12);
        Assert.Equal(-0.1290625, scores[2], 1e-12);
        Assert.Equal(-0.70 * 75 / 16 / (1 + Math.Exp(-15.0 / 16)), scores[3], 1e-12);
    }

    [Fact]
    public void ExactScores()
    {
        using var weights = Model();
        var graph = new ModelGraph(1, 2);
        var scores = OracleRun.Scores(weights, [Example], OracleMethod.Exact);
        // The clean loss is 1.
        // input → logits: the final stream is (−1, −7) + Δ₂ = (−13, −3), of root mean square √89: y₁ = −65/√89.
        Assert.Equal(65 / Math.Sqrt(89) - 1, scores[graph.LogitsColumn], 1e-12);
        // a0.h0 → logits: (−1, −7) − 9·(−2, −1) = (17, 2), √(293/2): y₁ = 85/√146.5.
        Assert.Equal(-85 / Math.Sqrt(146.5) - 1, scores[graph.Columns + graph.LogitsColumn], 1e-12);
        // a0.h1 → m0: the MLP reads (−1, −8), its gate stays silu of 5·(7·(−1) + 8)/32/√32.5, its up −5/√32.5; it writes that·(1, 2).
        var gate = 5.0 / 32 / Math.Sqrt(32.5);
        var hidden = gate / (1 + Math.Exp(-gate)) * -5 / Math.Sqrt(32.5);
        var (x1, x2) = (-1 + hidden, -7 + 2 * hidden);
        Assert.Equal(-5 * x1 / Math.Sqrt((x1 * x1 + x2 * x2) / 2) - 1, scores[2 * graph.Columns + graph.MlpColumn(0)], 1e-12);
    }

    [Fact]
    public void InformationFlow()
    {
        using var weights = Model();
        var graph = new ModelGraph(1, 2);
        var scores = OracleRun.Scores(weights, [Example], OracleMethod.InformationFlowRoutes);
        // Into the heads only input flows.
        Assert.Equal(1, scores[graph.HeadColumn(0, InputKind.Key, 1)], 1e-12);
        // Into the MLP at position 2: r = (−1, −7), ‖r‖ = 8. Without input (−8, −8): 16, no proximity. Without head 0 (7, −3): 10, none.
        // Without head 1 (−1, −3): 4, proximity 4. At position 1 o₀ = 1, o₁ = 7: r = (1, 7) + (−2, −1) + (0, −7) = (−1, −1), ‖r‖ = 2.
        // Without input (−2, −8): 10; without head 0 (1, 0): 1, proximity 1; without head 1 (−1, 6): 7. Shares: ½ for each head.
        Assert.Equal(0, scores[graph.MlpColumn(0)], 1e-12);
        Assert.Equal(0.5, scores[graph.Columns + graph.MlpColumn(0)], 1e-12);
        Assert.Equal(0.5, scores[2 * graph.Columns + graph.MlpColumn(0)], 1e-12);
    }

    private static double[] Rounded(double[] values) => Array.ConvertAll(values, x => Math.Round(x, 12) + 0.0);
}
