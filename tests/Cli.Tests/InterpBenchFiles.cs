using Faith.Engine.Tests.Models;

namespace Faith.Cli.Tests;

/// <summary>A model as InterpBench keeps its own, with random weights: settings as a pickle and weights of torch.save under TransformerLens' names, 6 layers of 4 heads, 64 wide.</summary>
internal static class InterpBenchFiles
{
    private const int Layers = 6, Heads = 4, Width = 64, HeadDim = 16, Hidden = 256, Context = 64;

    /// <summary>The files by their names in the repository.</summary>
    public static Dictionary<string, byte[]> Make(int vocabulary, string tokenizer)
    {
        var random = new Random(4);
        var tensors = new List<TensorData>();
        void Add(string name, float scale, float around, params long[] shape)
        {
            var values = new float[shape.Aggregate(1L, (a, b) => a * b)];
            for (var i = 0; i < values.Length; i++) values[i] = around + scale * (float)(random.NextDouble() - 0.5);
            tensors.Add(TensorData.F32(name, shape, values));
        }
        Add("embed.W_E", 2, 0, vocabulary, Width);
        Add("pos_embed.W_pos", 1, 0, Context, Width);
        for (var l = 0; l < Layers; l++)
        {
            var block = $"blocks.{l}.";
            foreach (var norm in (string[])["ln1", "ln2"])
            {
                Add($"{block}{norm}.w", 0.2f, 1, Width);
                Add($"{block}{norm}.b", 0.2f, 0, Width);
            }
            foreach (var letter in "QKV")
            {
                Add($"{block}attn.W_{letter}", 0.5f, 0, Heads, Width, HeadDim);
                Add($"{block}attn.b_{letter}", 0.1f, 0, Heads, HeadDim);
            }
            Add($"{block}attn.W_O", 0.5f, 0, Heads, HeadDim, Width);
            Add($"{block}attn.b_O", 0.1f, 0, Width);
            Add($"{block}mlp.W_in", 0.4f, 0, Width, Hidden);
            Add($"{block}mlp.b_in", 0.1f, 0, Hidden);
            Add($"{block}mlp.W_out", 0.2f, 0, Hidden, Width);
            Add($"{block}mlp.b_out", 0.1f, 0, Width);
            tensors.Add(new($"{block}attn.mask", "BOOL", [Context, Context], new byte[Context * Context]));
            tensors.Add(TensorData.F32($"{block}attn.IGNORE", [], [float.NegativeInfinity]));
        }
        Add("ln_final.w", 0.2f, 1, Width);
        Add("ln_final.b", 0.2f, 0, Width);
        Add("unembed.W_U", 1, 0, Width, vocabulary);
        Add("unembed.b_U", 0.1f, 0, vocabulary);
        Dictionary<string, object?> settings = new()
        {
            ["n_layers"] = Layers, ["n_heads"] = Heads, ["d_model"] = Width, ["d_head"] = HeadDim, ["d_mlp"] = Hidden, ["d_vocab"] = vocabulary, ["d_vocab_out"] = vocabulary, ["n_ctx"] = Context,
            ["act_fn"] = "gelu_new", ["normalization_type"] = "LN", ["eps"] = 1e-5, ["tokenizer_name"] = tokenizer, ["device"] = new Called(new("torch", "device"), "cpu"), ["attn_only"] = false,
            ["original_architecture"] = "GPT2LMHeadModel", ["dtype"] = new Named("torch", "float32"), ["attention_dir"] = "causal", ["positional_embedding_type"] = "standard", ["window_size"] = null,
        };
        var path = Path.GetTempFileName();
        try
        {
            TorchWriter.Write(path, tensors);
            return new() { ["README.md"] = [1], ["ll_model_cfg.pkl"] = PickleWriter.Write(settings), ["ioi_all_splits/ll_model_100_100_80.pth"] = File.ReadAllBytes(path), ["ioi_all_splits/ll_model_110_80_80.pth"] = new byte[700] };
        }
        finally
        {
            File.Delete(path);
        }
    }
}
