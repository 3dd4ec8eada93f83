using System.Text.Json.Nodes;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Models;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels;
using Faith.Kernels.Host;
using Xunit;
using StoredTensor = Faith.Engine.Tests.Oracle.StoredTensor;

namespace Faith.Engine.Tests.Families;

/// <summary>The three ways in which Falcon's sizes store q, k and v and norm their inputs, written out here after the modelling code and read back.</summary>
public sealed class FalconLayoutTests
{
    [Theory]
    [InlineData(2, true, true, false, StoredType.BF16)] // the 40B: two norms
    [InlineData(1, false, true, false, StoredType.F16)] // the 7B: one key head, one norm
    [InlineData(4, false, false, false, StoredType.F32)] // every head its own, blocks one after the other
    [InlineData(4, false, false, true, StoredType.F32)] // the same with biases of scores: rw-1b
    [InlineData(2, true, true, true, StoredType.BF16)]
    public void ALayoutIsReadAsItWasWritten(int keyHeads, bool isNew, bool isParallel, bool isBiased, StoredType type)
    {
        var config = RandomModels.Gpt2Config(context: 64) with
        {
            Family = "falcon", KeyValueHeads = keyHeads, Rotary = isBiased ? null : new RotaryConfig(500, 8), Alibi = isBiased ? new(4) : null, ParallelBlocks = isParallel, Activation = ActivationFunction.GeluErf, NormEpsilon = 1e-3f,
        };
        var made = RandomModels.Create(config, 3, type: type);
        // The one norm of a parallel layer of the older kind is both.
        using var weights = isNew || !isParallel ? made : new ModelWeights
        {
            Config = config, Embedding = made.Embedding, FinalNormScale = made.FinalNormScale, FinalNormShift = made.FinalNormShift, Unembedding = made.Unembedding,
            Layers = [.. made.Layers.Select(layer => layer with { MlpNormScale = layer.AttentionNormScale, MlpNormShift = layer.AttentionNormShift })],
        };
        using var folder = new TemporaryDirectory();
        File.WriteAllText(folder.File("config.json"), new JsonObject
        {
            ["model_type"] = "falcon", ["architectures"] = new JsonArray("FalconForCausalLM"), ["hidden_size"] = config.Width, ["num_attention_heads"] = config.Heads,
            ["num_hidden_layers"] = config.Layers, ["ffn_hidden_size"] = config.MlpWidth, ["vocab_size"] = config.Vocabulary, ["max_position_embeddings"] = config.Context,
            ["layer_norm_epsilon"] = 1e-3, ["rope_theta"] = 500.0, ["bias"] = true, ["alibi"] = isBiased, ["parallel_attn"] = isParallel, ["bos_token_id"] = 0, ["eos_token_id"] = 0,
            ["new_decoder_architecture"] = isNew, ["multi_query"] = isNew || keyHeads == 1, ["num_kv_heads"] = keyHeads,
        }.ToJsonString());
        Safetensors.Write(folder.File("model.safetensors"), [.. Tensors(weights, isNew)], type);

        using var read = ModelLoader.Load(folder.Path);
        Assert.Equal(config, read.Config);
        using var device = new HostDevice(1);
        using var model = new Transformer(device, read);
        int[] prompt = [5, 17, 3, 3, 40, 21];
        Close.Check(new LiteralModel(weights).Run(prompt).LastLogits, Array.ConvertAll(TextGenerator.LastLogits(model, prompt), x => (double)x), 1e-5, $"{keyHeads} key heads{(isBiased ? ", biases" : "")}");
    }

    private static IEnumerable<StoredTensor> Tensors(ModelWeights weights, bool isNew)
    {
        var c = weights.Config;
        static StoredTensor Vector(string name, float[] values) => new(name, [values.Length], values);
        static StoredTensor Rows(string name, double[][] rows) => new(name, [rows.Length, rows[0].Length], [.. rows.SelectMany(row => row).Select(x => (float)x)]);
        static StoredTensor Linear(string name, MatrixSource matrix) => Rows(name, LiteralMatrix.Transpose(LiteralMatrix.Read(matrix)));

        yield return Rows("transformer.word_embeddings.weight", LiteralMatrix.Read(weights.Embedding));
        for (var l = 0; l < c.Layers; l++)
        {
            var (layer, name) = (weights.Layers[l], $"transformer.h.{l}.");
            // The queries of a group, its key, its value; then the next group.
            var places = Enumerable.Range(0, c.KeyValueHeads).SelectMany(k => (int[])[.. Enumerable.Range(k * c.Group, c.Group), c.Heads + k, c.Heads + c.KeyValueHeads + k])
                .SelectMany(block => Enumerable.Range(block * c.HeadDim, c.HeadDim)).ToArray();
            var columns = LiteralMatrix.Transpose(LiteralMatrix.Read(layer.QueryKeyValue));
            yield return Rows(name + "self_attention.query_key_value.weight", Array.ConvertAll(places, place => columns[place]));
            yield return Vector(name + "self_attention.query_key_value.bias", Array.ConvertAll(places, place => layer.QueryKeyValueBias![place]));
            yield return Linear(name + "self_attention.dense.weight", layer.Output);
            yield return Vector(name + "self_attention.dense.bias", layer.OutputBias!);
            yield return Linear(name + "mlp.dense_h_to_4h.weight", layer.Up);
            yield return Vector(name + "mlp.dense_h_to_4h.bias", layer.UpBias!);
            yield return Linear(name + "mlp.dense_4h_to_h.weight", layer.Down);
            yield return Vector(name + "mlp.dense_4h_to_h.bias", layer.DownBias!);
            var (first, second) = isNew ? ("ln_attn", "ln_mlp") : ("input_layernorm", c.ParallelBlocks ? null : "post_attention_layernorm");
            yield return Vector($"{name}{first}.weight", layer.AttentionNormScale!);
            yield return Vector($"{name}{first}.bias", layer.AttentionNormShift!);
            if (second is null) continue;
            yield return Vector($"{name}{second}.weight", layer.MlpNormScale!);
            yield return Vector($"{name}{second}.bias", layer.MlpNormShift!);
        }
        yield return Vector("transformer.ln_f.weight", weights.FinalNormScale);
        yield return Vector("transformer.ln_f.bias", weights.FinalNormShift!);
    }
}
