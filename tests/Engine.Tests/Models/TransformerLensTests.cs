using System.Runtime.InteropServices;
using Faith.Engine.Attribution;
using Faith.Engine.Data;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Models;

/// <summary>A GPT-2 written under the names and in the layouts of TransformerLens is the same model.</summary>
public sealed class TransformerLensTests
{
    private const int Layers = 2, Heads = 2, Width = 8, HeadDim = 4, Hidden = 32, Vocabulary = 11, Context = 6;

    private static readonly Example[] Data = [new([1, 2, 3, 4], [1, 4, 3, 4], [5], [6]), new([7, 2], [7, 9], [1], [2])];

    private static string Pickle(string name) => Path.Combine(AppContext.BaseDirectory, "Models", "Torch", name + ".cfg.pkl");

    private static TinyModel Model()
    {
        var model = TinyModel.Gpt2().As("F16");
        for (var i = 0; i < model.Tensors.Count; i++)
        {
            var halves = MemoryMarshal.Cast<byte, Half>(model.Tensors[i].Bytes);
            model.Tensors[i] = TensorData.F32(model.Tensors[i].Name, model.Tensors[i].Shape, halves.ToArray().Select(half => (float)half).ToArray());
        }
        return model;
    }

    /// <summary>The tensors of the model as TransformerLens converts them.</summary>
    private static List<TensorData> Converted(TinyModel model)
    {
        var tensors = new List<TensorData>();
        float[] Values(string name) => MemoryMarshal.Cast<byte, float>(model["transformer." + name].Bytes).ToArray();
        void Add(string name, long[] shape, Func<int, float> value) => tensors.Add(TensorData.F32(name, shape, Enumerable.Range(0, (int)shape.Aggregate(1L, (a, b) => a * b)).Select(value).ToArray()));
        void Copy(string name, string from, params long[] shape) => Add(name, shape, i => Values(from)[i]);

        var embedding = Values("wte.weight");
        Copy("embed.W_E", "wte.weight", Vocabulary, Width);
        Copy("pos_embed.W_pos", "wpe.weight", Context, Width);
        for (var l = 0; l < Layers; l++)
        {
            var (block, h) = ($"blocks.{l}.", $"h.{l}.");
            foreach (var (norm, from) in ((string, string)[])[("ln1", "ln_1"), ("ln2", "ln_2")])
            {
                Copy($"{block}{norm}.w", $"{h}{from}.weight", Width);
                Copy($"{block}{norm}.b", $"{h}{from}.bias", Width);
            }
            var (fused, bias) = (Values(h + "attn.c_attn.weight"), Values(h + "attn.c_attn.bias"));
            for (var part = 0; part < 3; part++)
            {
                var (letter, first) = ("QKV"[part], part * Width);
                // W[head, input, column] and b[head, column].
                Add($"{block}attn.W_{letter}", [Heads, Width, HeadDim], i => fused[i / HeadDim % Width * 3 * Width + first + i / (Width * HeadDim) * HeadDim + i % HeadDim]);
                Add($"{block}attn.b_{letter}", [Heads, HeadDim], i => bias[first + i]);
            }
            Copy(block + "attn.W_O", h + "attn.c_proj.weight", Heads, HeadDim, Width);
            Copy(block + "attn.b_O", h + "attn.c_proj.bias", Width);
            tensors.Add(new(block + "attn.mask", "BOOL", [Context, Context], new byte[Context * Context]));
            tensors.Add(TensorData.F32(block + "attn.IGNORE", [], [float.NegativeInfinity]));
            Copy(block + "mlp.W_in", h + "mlp.c_fc.weight", Width, Hidden);
            Copy(block + "mlp.b_in", h + "mlp.c_fc.bias", Hidden);
            Copy(block + "mlp.W_out", h + "mlp.c_proj.weight", Hidden, Width);
            Copy(block + "mlp.b_out", h + "mlp.c_proj.bias", Width);
        }
        Copy("ln_final.w", "ln_f.weight", Width);
        Copy("ln_final.b", "ln_f.bias", Width);
        Add("unembed.W_U", [Width, Vocabulary], i => embedding[i % Vocabulary * Width + i / Vocabulary]);
        Add("unembed.b_U", [Vocabulary], _ => 0);
        return tensors;
    }

    private static double[] Scores(string directory)
    {
        using var weights = ModelLoader.Load(ModelCatalog.Resolve(directory));
        using var device = new HostDevice(1);
        using var model = new Transformer(device, weights);
        return Attributor.Run(model, Data, new() { Method = "eap-ig", Steps = 3 }).Scores.Values;
    }

    [Theory]
    [InlineData("dictionary.p2", "")]
    [InlineData("dictionary.p4", "ioi_all_splits")]
    [InlineData("object", "")]
    public void It_is_the_model_that_it_was_made_of(string configuration, string folder)
    {
        using var plain = new TemporaryDirectory();
        using var lens = new TemporaryDirectory();
        var model = Model();
        model.Write(plain.Path);
        Directory.CreateDirectory(lens.File(folder));
        File.Copy(Pickle(configuration), lens.File("ll_model_cfg.pkl"));
        TorchWriter.Write(lens.File(Path.Combine(folder, "ll_model.pth")), Converted(model));
        var (expected, actual) = (Scores(plain.Path), Scores(lens.Path));
        Assert.True(expected.Max(Math.Abs) > 1e-4);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-6 * expected.Max(Math.Abs));
    }

    [Fact]
    public void Other_settings_and_other_pickles_are_refused()
    {
        using var directory = new TemporaryDirectory();
        var path = directory.File("ll_model_cfg.pkl");
        TorchWriter.Write(directory.File("ll_model.pth"), Converted(Model()));
        string Fault()
        {
            var message = Assert.Throws<InputException>(() => Scores(directory.Path)).Message;
            Assert.StartsWith(path + ": ", message);
            Assert.DoesNotContain('\n', message);
            return message;
        }
        Dictionary<string, object?> settings = new()
        {
            ["n_layers"] = Layers, ["n_heads"] = Heads, ["d_model"] = Width, ["d_head"] = HeadDim, ["d_mlp"] = Hidden, ["d_vocab"] = Vocabulary, ["n_ctx"] = Context, ["act_fn"] = "gelu_new",
        };
        void Refused(string expected, string key, object? value)
        {
            File.WriteAllBytes(path, PickleWriter.Write(new Dictionary<string, object?>(settings) { [key] = value }));
            Assert.Contains(expected, Fault());
        }
        Refused("positional_embedding_type is \"alibi\"; supported: standard, rotary, shortformer", "positional_embedding_type", "alibi");
        Refused("attention_dir is \"bidirectional\"; supported: causal", "attention_dir", "bidirectional");
        Refused("normalization_type is absent; supported: LN, LNPre", "normalization_type", null);
        Refused("gated_mlp is true; supported: false", "gated_mlp", true);
        Refused("d_vocab_out is 3; supported: d_vocab = 11", "d_vocab_out", 3);
        Refused("attn_scores_soft_cap is 50", "attn_scores_soft_cap", 50);
        Refused("act_fn is \"solu_ln\"", "act_fn", "solu_ln");
        Refused("names 'os.system'", "seed", new Called(new("os", "system"), "true"));
        File.WriteAllBytes(path, PickleWriter.Write(3));
        Assert.Contains("holds no dictionary of settings", Fault());
        File.WriteAllText(path, "{}");
        Assert.Contains("is not a pickle", Fault());
        File.WriteAllBytes(path, PickleWriter.Write(settings));
        Scores(directory.Path);
    }
}
