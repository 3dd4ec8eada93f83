using System.Text;
using Faith.Engine.Models;
using Xunit;

namespace Faith.Engine.Tests.Models;

/// <summary>Names that programs wrap around a model's, and tensors that are stored once under either name.</summary>
public sealed class TensorNamesTests
{
    private static TinyModel Renamed(TinyModel model, Func<string, string> rename)
    {
        for (var i = 0; i < model.Tensors.Count; i++) model.Tensors[i] = model.Tensors[i] with { Name = rename(model.Tensors[i].Name) };
        return model;
    }

    private static float[] Read(TinyModel model, Func<ModelWeights, Kernels.MatrixSource> matrix, params (string, string)[] metadata)
    {
        using var directory = new TemporaryDirectory();
        model.Write(directory.Path);
        if (metadata.Length > 0) SafetensorsWriter.Write(directory.File("model.safetensors"), model.Tensors, metadata);
        using var weights = ModelLoader.Load(directory.Path);
        var source = matrix(weights);
        var rows = source.StoredTransposed ? source.Outputs : source.Inputs;
        var values = new float[source.Inputs * source.Outputs];
        source.ReadStoredRows(0, rows, values);
        return values;
    }

    [Theory]
    [InlineData("module.", "")]
    [InlineData("_orig_mod.", "")]
    [InlineData("module._orig_mod.", "")]
    [InlineData("model.", "")]
    [InlineData("_fsdp_wrapped_module.model.", "")]
    [InlineData("", "_orig_mod.")]
    public void Wrappers_of_names_are_left_out(string outside, string inside)
    {
        string Rename(string name) => outside + (inside.Length == 0 ? name : name.Replace(".0.", $".0.{inside}", StringComparison.Ordinal));
        Assert.Equal(Read(TinyModel.Gpt2(), w => w.Layers[0].Up), Read(Renamed(TinyModel.Gpt2(), Rename), w => w.Layers[0].Up));
        Assert.Equal(Read(TinyModel.Gpt2(""), w => w.Layers[1].Up), Read(Renamed(TinyModel.Gpt2(""), Rename), w => w.Layers[1].Up));
        Assert.Equal(Read(TinyModel.Llama(), w => w.Unembedding), Read(Renamed(TinyModel.Llama(), Rename), w => w.Unembedding));
    }

    [Fact]
    public void Two_tensors_of_one_name_are_refused()
    {
        using var directory = new TemporaryDirectory();
        var model = TinyModel.Gpt2();
        model.Add("transformer.h.0._orig_mod.ln_1.weight", 8);
        model.Write(directory.Path);
        Assert.Contains("are both 'transformer.h.0.ln_1.weight' of the model", Assert.Throws<InputException>(() => ModelLoader.Load(directory.Path).Dispose()).Message);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Tied_weights_may_be_stored_as_the_unembedding_alone(bool metadataNamesIt)
    {
        var gpt2 = Renamed(TinyModel.Gpt2(), n => n == "transformer.wte.weight" ? "lm_head.weight" : n);
        (string, string)[] metadata = metadataNamesIt ? [("format", "pt"), ("transformer.wte.weight", "lm_head.weight")] : [];
        Assert.Equal(Read(TinyModel.Gpt2(), w => w.Embedding), Read(gpt2, w => w.Embedding, metadata));
        Assert.Equal(Read(TinyModel.Gpt2(), w => w.Embedding), Read(gpt2, w => w.Unembedding, metadata));
        var llama = TinyModel.Llama();
        llama.Remove("lm_head.weight");
        llama.Config["tie_word_embeddings"] = true;
        var expected = Read(llama, w => w.Unembedding);
        var renamed = Renamed(llama, n => n == "model.embed_tokens.weight" ? "lm_head.weight" : n);
        Assert.Equal(expected, Read(renamed, w => w.Embedding, metadataNamesIt ? [("model.embed_tokens.weight", "lm_head.weight")] : []));
    }

    [Fact]
    public void Metadata_ties_what_the_configuration_does_not()
    {
        var llama = TinyModel.Llama();
        llama.Remove("lm_head.weight");
        using var directory = new TemporaryDirectory();
        llama.Write(directory.Path);
        Assert.Contains("'lm_head.weight' of shape [10, 8] is missing", Assert.Throws<InputException>(() => ModelLoader.Load(directory.Path).Dispose()).Message);
        Assert.Equal(Read(TinyModel.Llama(), w => w.Embedding), Read(llama, w => w.Unembedding, ("lm_head.weight", "model.embed_tokens.weight")));
    }

    [Fact]
    public void A_byte_order_mark_is_no_part_of_a_file()
    {
        using var directory = new TemporaryDirectory();
        TinyModel.Gpt2().WriteShards(directory.Path, 2);
        foreach (var name in new[] { "config.json", "model.safetensors.index.json" })
        {
            File.WriteAllText(directory.File(name), File.ReadAllText(directory.File(name)), new UTF8Encoding(encoderShouldEmitUTF8Identifier: true));
            Assert.Equal(0xEF, File.ReadAllBytes(directory.File(name))[0]);
        }
        ModelLoader.Load(directory.Path).Dispose();
    }
}
