using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Models;
using Faith.Kernels;

namespace Faith.Engine.KnownCircuits;

/// <summary>
/// A model whose circuit is known because its weights were written down: two layers of two heads that complete "A B C D A" with B
/// by induction (Olsson et al. 2022). The residual stream has a part for each thing that is said: the token, the token before,
/// the answer, a remark that nobody reads, and the position. Head a0.h0 copies the token before; a1.h0 looks for where the token
/// before was the current token, and copies the token there to the answer, which the unembedding reads. Head a0.h1 writes the
/// remark; a1.h1 and the MLPs write nothing.
/// </summary>
/// <remarks>
/// RMSNorm of one-hot parts: swapping one token for another leaves the size of the stream alone, so patching an edge outside the
/// circuit changes nothing but rounding. The attention is nearly saturated, which is where gradients mislead.
/// </remarks>
public sealed class InductionModel
{
    private const int Tokens = 12, Length = 6, Heads = 2, HeadDim = Tokens, Layers = 2, Mlp = 8;
    // Parts of the stream, in this order, then the positions.
    private const int Token = 0, Before = 1, Answer = 2, Remark = 3;
    private const int FirstPosition = 4 * Tokens, Width = FirstPosition + Length;
    // q·k where attention goes; elsewhere it is 0, so that six tokens leave e⁻¹⁰·5 to the others.
    private const double Sharpness = 10;
    // How large the answer is beside the one-hot token.
    private const double AnswerSize = 2;
    private const string Known = "input->a0.h0<v> a0.h0->a1.h0<k> input->a1.h0<q> input->a1.h0<v> a1.h0->logits";

    private InductionModel(ModelWeights weights) => Weights = weights;

    /// <summary>The parameters.</summary>
    public ModelWeights Weights { get; }

    /// <summary>The graph.</summary>
    public static ModelGraph Graph { get; } = new(Layers, Heads);

    /// <summary>
    /// The five edges that carry the behaviour. Queries and keys of a0.h0 are made of positions, which belong to no node: no edge
    /// into them matters.
    /// </summary>
    public static Circuit Circuit { get; } = new(Graph, Known.Split(' ').Select(name =>
        GraphNames.TryParseEdge(Graph, name, out var edge) ? edge : throw new InvalidOperationException(name)));

    /// <summary>Writes the weights down.</summary>
    public static InductionModel Create()
    {
        // Norm of a stream with n one-hot parts: every entry becomes √(d/n).
        var (first, second) = (Math.Sqrt(Width / 2.0), Math.Sqrt(Width / 4.0));
        var attention0 = new Matrix(Width, 3 * Heads * HeadDim);
        var output0 = new Matrix(Heads * HeadDim, Width);
        for (var t = 0; t < Length; t++)
        {
            // a0.h0: position t asks for t − 1. a0.h1: position t asks for itself.
            var scale = Math.Sqrt(Sharpness) / first;
            attention0[FirstPosition + t, Query(0) + t] = scale;
            if (t + 1 < Length) attention0[FirstPosition + t, Key(0) + t + 1] = scale;
            attention0[FirstPosition + t, Query(1) + t] = scale;
            attention0[FirstPosition + t, Key(1) + t] = scale;
        }
        var attention1 = new Matrix(Width, 3 * Heads * HeadDim);
        var output1 = new Matrix(Heads * HeadDim, Width);
        var unembedding = new Matrix(Tokens, Width);
        var embedding = new Matrix(Tokens, Width);
        var positions = new Matrix(Length, Width);
        for (var a = 0; a < Tokens; a++)
        {
            embedding[a, Token * Tokens + a] = 1;
            unembedding[a, Answer * Tokens + a] = 1;
            for (var h = 0; h < Heads; h++) attention0[Token * Tokens + a, Value(h) + a] = 1 / first;
            output0[a, Before * Tokens + a] = 1;
            output0[HeadDim + a, Remark * Tokens + a] = 1;
            // a1.h0: the current token asks for where it was the token before. a1.h1 does the same but writes nothing.
            for (var h = 0; h < Heads; h++)
            {
                attention1[Token * Tokens + a, Query(h) + a] = Math.Sqrt(Sharpness) / second;
                attention1[Before * Tokens + a, Key(h) + a] = Math.Sqrt(Sharpness) / second;
                attention1[Token * Tokens + a, Value(h) + a] = 1 / second;
            }
            output1[a, Answer * Tokens + a] = AnswerSize;
        }
        for (var t = 0; t < Length; t++) positions[t, FirstPosition + t] = 1;
        return new(new ModelWeights
        {
            Config = Config,
            Embedding = embedding.ToSource(),
            Positions = positions.ToSource(),
            Layers = [Layer(attention0, output0), Layer(attention1, output1)],
            FinalNormScale = Ones(),
            Unembedding = unembedding.ToSource(),
        });
    }

    /// <summary>
    /// Prompts "begin A B C D A" with the answer B and the distractor D; corrupted "begin B A C D C", whose answer is D. The place to
    /// look at differs as well as what stands there, so that the answer is B only with every edge of the circuit clean: had only the
    /// names been exchanged, corrupting query and key together would have mended what either breaks.
    /// </summary>
    public static IReadOnlyList<Example> Examples(int count, ulong seed)
    {
        var random = new Random64(seed);
        var examples = new Example[count];
        for (var i = 0; i < count; i++)
        {
            var words = Enumerable.Range(1, Tokens - 1).ToArray();
            random.Shuffle<int>(words);
            var (a, b, c, d) = (words[0], words[1], words[2], words[3]);
            examples[i] = new([0, a, b, c, d, a], [0, b, a, c, d, c], [b], [d]);
        }
        return examples;
    }

    private static ModelConfig Config => new()
    {
        Family = "by hand",
        Layers = Layers,
        Width = Width,
        Heads = Heads,
        KeyValueHeads = Heads,
        HeadDim = HeadDim,
        MlpWidth = Mlp,
        Vocabulary = Tokens,
        Context = Length,
        Norm = NormKind.RmsNorm,
        NormEpsilon = 1e-6f,
        Activation = ActivationFunction.GeluTanh,
        TiedEmbedding = false,
        AttentionScale = 1,
        BeginToken = 0,
    };

    // The MLPs read, but their second matrix is zero.
    private static LayerWeights Layer(Matrix attention, Matrix output)
    {
        var up = new Matrix(Width, Mlp);
        for (var i = 0; i < Width; i++) up[i, i % Mlp] = 0.1;
        return new()
        {
            AttentionNormScale = Ones(),
            QueryKeyValue = attention.ToSource(),
            Output = output.ToSource(),
            MlpNormScale = Ones(),
            Up = up.ToSource(),
            Down = new Matrix(Mlp, Width).ToSource(),
        };
    }

    private static float[] Ones() => [.. Enumerable.Repeat(1f, Width)];

    // Columns of the fused projection.
    private static int Query(int head) => head * HeadDim;
    private static int Key(int head) => (Heads + head) * HeadDim;
    private static int Value(int head) => (2 * Heads + head) * HeadDim;

    /// <summary>A matrix [rows × columns] as it is written down.</summary>
    private sealed class Matrix(int rows, int columns)
    {
        private readonly float[] values = new float[rows * columns];

        public double this[int row, int column]
        {
            set => values[row * columns + column] = (float)value;
        }

        public ArrayMatrix ToSource() => new ArrayMatrix(values, rows, columns, storedTransposed: false);
    }
}
